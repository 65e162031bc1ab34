/** Calls that leave a trace; see `CallWatch`. */
import { describe, expect, test } from 'vitest';
import { inspectModule } from '../../../src/wasm/inspect.ts';
import { meterModule } from '../../../src/wasm/meter.ts';
import { assemble } from '../support/assemble.ts';
import { ReferenceHost } from '../support/reference-host.ts';

/** By their indices. */
const watched = 1;
const exempt = 2;

/** `$watched` has parameters and results of several types; who calls it is told what it made. */
const module = `(module
  (type $shape (func (param i32 i64 f64) (result f64 i64)))
  (table funcref (elem $watched))
  (func $resumed)
  (func $watched (type $shape)
    (f64.add (local.get 2) (f64.convert_i32_s (local.get 0))) (local.get 1))
  (func $exempt (export "exempt") (param i32 i64 f64) (result i32)
    (call $watched (local.get 0) (local.get 1) (local.get 2))
    i32.wrap_i64 (local.set 0) i32.trunc_f64_s (i32.add (local.get 0)))
  (func (export "caller") (param i32 i64 f64) (result i32)
    (call $watched (local.get 0) (local.get 1) (local.get 2))
    i32.wrap_i64 (local.set 0) i32.trunc_f64_s (i32.add (local.get 0)))
  (func $tail (type $shape)
    (return_call $watched (local.get 0) (local.get 1) (local.get 2)))
  (func (export "tail") (param i32 i64 f64) (result i32)
    (call $tail (local.get 0) (local.get 1) (local.get 2))
    i32.wrap_i64 (local.set 0) i32.trunc_f64_s (i32.add (local.get 0)))
  (func (export "dead") (param i32 i64 f64) (result i32)
    (return (i32.const 7))
    (call $watched (i32.const 0) (i64.const 0) (f64.const 0)) unreachable)
  (func (export "others") (param i32 i64 f64) (result i32)
    (call $resumed) (i32.const 8)))`;

/** What `entry` answers, and whether a watched call has happened. */
function run(entry: string, cards: boolean): { readonly answer: unknown; readonly flag: unknown } {
  const bytes = assemble(module);
  const early = {
    resume: 0,
    watched: { callees: new Set([watched]), exempt: new Set([exempt]) },
  };
  const metered = meterModule(bytes, inspectModule(bytes), { cards, early });
  const host = new ReferenceHost(metered);
  host.begin();
  const { [entry]: callee } = host.instance.exports;
  const answer = (callee as (...args: unknown[]) => unknown)(3, 4n, 5);
  const flag = host.instance.exports[metered.names.early?.watched ?? ''] as WebAssembly.Global;
  return { answer, flag: flag.value };
}

describe.each([false, true])('with cards: %s', (cards) => {
  test.each([
    ['a call', 'caller'],
    ['a call in place of the caller', 'tail'],
  ])('%s is noted, and does what it did', (_, entry) => {
    expect(run(entry, cards)).toEqual({ answer: 12, flag: 1 });
  });

  test.each([
    ['of who may', 'exempt', 12],
    ['that is never reached', 'dead', 7],
    ['of another function', 'others', 8],
  ])('a call %s is not', (_, entry, answer) => {
    expect(run(entry, cards)).toEqual({ answer, flag: 0 });
  });
});
