import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { withOwnCode } from '../../bench/own-code.ts';
import { listFunctions } from '../../src/wasm/function-list.ts';
import { assemble } from '../wasm/support/assemble.ts';

const program = new Uint8Array(readFileSync(join(import.meta.dirname, '../guests/hello.wasm')));

it('makes modules whose code sections differ', () => {
  const codes = [0, 1, 70_000].map((number) => codeOf(withOwnCode(program, number)));
  expect(new Set(codes).size).toBe(3);
  expect(codeOf(withOwnCode(program, 1))).toBe(codes[1]);
});

it('leaves what is there as it is', () => {
  const importCount = WebAssembly.Module.imports(
    new WebAssembly.Module(Buffer.from(program)),
  ).filter(({ kind }) => kind === 'function').length;
  const before = [...listFunctions(program, importCount)];
  const after = [...listFunctions(withOwnCode(program, 3), importCount)];
  expect(after.slice(0, -1).map(({ bodyBytes }) => bodyBytes)).toEqual(
    before.map(({ bodyBytes }) => bodyBytes),
  );
  expect(after).toHaveLength(before.length + 1);
});

it('refuses a program without functions', () => {
  expect(() => withOwnCode(assemble('(module (memory 1))'), 1)).toThrow('plain types');
});

/** The text of the bytes of the section. */
function codeOf(module: Uint8Array): string {
  return Buffer.from(module).toString('latin1');
}
