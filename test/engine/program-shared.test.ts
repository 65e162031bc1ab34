import { expect, test } from 'vitest';
import { ProgramShared } from '../../src/engine/program-shared.ts';
import { assemble } from '../wasm/support/assemble.ts';

const module = new WebAssembly.Module(
  assemble('(module (import "a" "one" (func)) (import "b" "two" (func)))'),
);

test('tells what a core imports, and lends an object in which nothing of others stays', () => {
  const shared = new ProgramShared();
  const fill = (core: number, isLinkable: boolean): unknown =>
    shared.lend(module, core, ({ wanted, values }) => {
      expect(wanted).toEqual([
        { module: 'a', name: 'one', core },
        { module: 'b', name: 'two', core },
      ]);
      const before = wanted.map((each) => values[each.module]?.[each.name]);
      for (const each of wanted) {
        values[each.module] ??= Object.create(null);
        Reflect.set(values[each.module] ?? {}, each.name, () => undefined);
      }
      if (!isLinkable) throw new Error('no link');
      expect(new WebAssembly.Instance(module, values)).toBeInstanceOf(WebAssembly.Instance);
      return before;
    });
  expect(fill(0, true)).toEqual([undefined, undefined]);
  expect(() => fill(0, false)).toThrow('no link');
  expect(fill(0, true)).toEqual([undefined, undefined]);
  expect(fill(1, true)).toEqual([undefined, undefined]);
});
