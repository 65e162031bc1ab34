import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkCase } from '../../scripts/conformance/wasi/case.ts';
import { findPrograms, readSkipList, runSuite } from '../../scripts/conformance/wasi.ts';
import { assemble } from '../support/abi-puppet.ts';
import { TestFolder } from '../support/folder.ts';

/** A copy of the suite with its programs built; the run is part of CI where it is fetched. */
const suite = process.env.WASI_TESTSUITE ?? '';

test('each program on the skip list says why', () => {
  for (const reason of readSkipList().values()) expect(reason.length).toBeGreaterThan(20);
});

test('a program that spins is ended, and the next one is checked', async () => {
  using folder = new TestFolder();
  const program = (body: string): Promise<Uint8Array> =>
    assemble(`(module (memory (export "memory") 1) (func (export "_start") ${body}))`);
  folder.write('spins.wasm', await program('(loop $more (br $more))'));
  folder.write('traps.wasm', await program('unreachable'));
  folder.write('ends.wasm', await program(''));
  expect(await checkCase(folder.path('spins.wasm'))).toMatch(/CPU limit of \d+ ms/);
  expect(await checkCase(folder.path('traps.wasm'))).toMatch(/^fresh: trapped: .*unreachable/);
  expect(await checkCase(folder.path('ends.wasm'))).toBeUndefined();
});

test.skipIf(!existsSync(suite))(
  'the official suite passes (WASI_TESTSUITE where set)',
  async () => {
    expect(findPrograms(suite).size).toBeGreaterThan(0);
    const { failed } = await runSuite(suite, readSkipList());
    expect([...failed]).toEqual([]);
  },
  120_000,
);
