/** What runs the official suite of components, with a script of our own. */
import { describe, expect, test } from 'vitest';
import { component, list, name, section } from '../support/component-bytes.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { EngineWorld } from './components/engine-world.ts';
import { PlainWorld } from './components/plain-world.ts';
import { partsOf, runScript, type SuiteCommand } from './components/script.ts';

/** Exports of one core module, each (u32) → u32. */
function exporting(wat: string, names: readonly string[]): Uint8Array<ArrayBuffer> {
  return component(
    section(1, [...assemble(wat)]),
    list(2, [[0x00, 0x00, 0x00]]),
    list(
      6,
      names.map((each) => [0x00, 0x00, 0x01, 0x00, ...name(each)]),
    ),
    list(7, [[0x40, 0x01, ...name('n'), 0x79, 0x00, 0x79]]),
    list(
      8,
      names.map((_, at) => [0x00, 0x00, at, 0x00, 0x00]),
    ),
    list(
      11,
      names.map((each, at) => [0x00, ...name(each), 0x01, at, 0x00]),
    ),
  );
}

/** `add` sums up what it was given since the instance was made. */
const counter = exporting(
  `(module
    (global $sum (mut i32) (i32.const 0))
    (func (export "add") (param i32) (result i32)
      (global.set $sum (i32.add (global.get $sum) (local.get 0)))
      (global.get $sum))
    (func (export "fail") (param i32) (result i32) unreachable))`,
  ['add', 'fail'],
);

const u32 = (value: number): unknown => ({ type: 'u32', value: String(value) });
const call = (field: string, value: number): NonNullable<SuiteCommand['action']> => ({
  type: 'invoke',
  field,
  args: [u32(value)],
});

const script: readonly SuiteCommand[] = [
  { type: 'module_definition', line: 1, name: 'Counter', filename: 'counter.wasm' },
  { type: 'module_instance', line: 2, instance: 'one', module: 'Counter' },
  { type: 'assert_return', line: 3, action: call('add', 2), expected: [u32(2)] },
  { type: 'assert_return', line: 4, action: call('add', 3), expected: [u32(5)] },
  { type: 'assert_trap', line: 5, action: call('fail', 0) },
  { type: 'assert_trap', line: 6, action: call('add', 1) },
  { type: 'module_instance', line: 7, instance: 'two', module: 'Counter' },
  { type: 'assert_return', line: 8, action: call('add', 4), expected: [u32(4)] },
  // What is wrong is told.
  { type: 'assert_return', line: 9, action: call('add', 1), expected: [u32(6)] },
  { type: 'assert_trap', line: 10, action: call('add', 1) },
];

const worlds = [
  () => new PlainWorld(),
  () => new EngineWorld('copy'),
  () => new EngineWorld('cards'),
];

describe.each(worlds)('a script of the suite, world %#', (open) => {
  test('has passed where it answers as it should, and has failed where not', async () => {
    const world = open();
    const parts = partsOf(script, () => counter);
    const { passed, failed } = await runScript(parts, world);
    expect(Object.fromEntries(passed)).toEqual({ assert_return: 3, assert_trap: 2 });
    expect([...failed]).toEqual([
      [9, 'expected 6: received 5'],
      [10, 'it must trap'],
    ]);
    if (world instanceof EngineWorld) {
      expect(world.restoredCount).toBeGreaterThan(0);
      world[Symbol.dispose]();
    }
  });
});
