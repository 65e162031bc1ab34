/** Functions that a start may not enter; see `EntryStops`. */
import { expect, test } from 'vitest';
import { inspectModule } from '../../../src/wasm/inspect.ts';
import { meterModule } from '../../../src/wasm/meter.ts';
import { assemble } from '../support/assemble.ts';
import { ReferenceHost } from '../support/reference-host.ts';

/** `$other` has no such parameter, so it cannot be told whether it is entered. */
const module = `(module
  (type $go (func (param i32) (result i32)))
  (table 3 funcref)
  (elem (i32.const 1) $stop)
  (func $first)
  (func $stop (export "stop") (type $go) (i32.add (local.get 0) (i32.const 40)))
  (func (export "direct") (type $go) (call $stop (local.get 0)))
  (func (export "indirect") (type $go)
    (call_indirect (type $go) (local.get 0) (i32.const 1)))
  (func $other (export "other") (result i32) (i32.const 7)))`;
const [stop, other] = [1, 4];

test.each([false, true])('a start ends where it enters one, however (cards: %s)', (cards) => {
  const bytes = assemble(module);
  const watched = { callees: new Set<number>(), exempt: new Set<number>() };
  const early = { resume: 0, watched, stops: new Set([stop, other]) };
  const metered = meterModule(bytes, inspectModule(bytes), { cards, early });
  const host = new ReferenceHost(metered);
  host.begin();
  const { exports } = host.instance;
  const globalOf = (name: string | undefined) => exports[name ?? ''] as WebAssembly.Global;
  const starting = globalOf(metered.names.early?.starting);
  const stopped = globalOf(metered.names.early?.stopped);
  const call = (name: string, entry: number): unknown =>
    (exports[name] as (entry: number) => unknown)(entry);
  expect([call('direct', 0), call('indirect', 0), stopped.value]).toEqual([40, 40, 0]);
  starting.value = 1;
  for (const name of ['stop', 'direct', 'indirect']) {
    expect(() => call(name, 0)).toThrow('unreachable');
    expect(stopped.value).toBe(stop);
    // It is taken up behind a call of its own.
    expect(call(name, 2)).toBe(42);
  }
  expect(call('other', 0)).toBe(7);
  starting.value = 0;
  expect(call('direct', 0)).toBe(40);
});
