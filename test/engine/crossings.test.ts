import { describe, expect, it } from 'vitest';
import { faceOf, type HostcallFacts } from '../../src/abi/hostcall.ts';
import { Crossings, type HostFunction } from '../../src/engine/crossings.ts';
import { takeTrap } from '../../src/engine/run/trap.ts';
import { World } from '../support/abi-world.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { Engine, sharesOf, TestExchange } from './world.ts';

const facts: HostcallFacts = {
  ...{ name: 'ask', waits: true, meaning: '', spec: '' },
  params: [
    ['number', 'number'],
    ['wide', 'number64'],
  ],
  results: [['answer', 'number64']],
};

/** Asks, and keeps the answer. */
const asking = new WebAssembly.Module(
  assemble(`(module
    (import "host" "ask" (func $ask (param i32 i64) (result i64)))
    (global (export "answer") (mut i64) (i64.const 0))
    (func (export "run") (global.set 0 (call $ask (i32.const 7) (i64.const 8)))))`),
);

function openAsking(...hostcalls: readonly HostFunction[]) {
  const current = hostcalls.length === 0 ? undefined : { instance: { hostcalls } };
  const crossings = new Crossings({ scheduler: { current }, trap: takeTrap() });
  const ask = crossings.open(Math.max(0, hostcalls.length - 1), faceOf(facts));
  const { exports } = new WebAssembly.Instance(asking, { host: { ask } });
  const answer = exports.answer as WebAssembly.Global<bigint>;
  const run = WebAssembly.promising(exports.run as () => undefined);
  return { run, answer, crossings };
}

describe('Crossings', () => {
  it('does not suspend a guest whose hostcall answers at once', async () => {
    const { run, answer } = openAsking((a, b) => BigInt(Number(a)) + (b as bigint));
    const running = run();
    expect(answer.value).toBe(15n);
    await running;
  });

  it('suspends one whose hostcall waits, and gives it the answer then', async () => {
    const { promise, resolve } = Promise.withResolvers<bigint>();
    const { run, answer } = openAsking(() => promise);
    const running = run();
    expect(answer.value).toBe(0n);
    resolve(2n ** 40n);
    await running;
    expect(answer.value).toBe(2n ** 40n);
  });

  it('waits in the hostcall that waits alone, not in the next', async () => {
    const answers = [Promise.resolve(1n), 2n];
    const { run, answer } = openAsking(() => answers.shift());
    await run();
    expect(answer.value).toBe(1n);
    const running = run();
    expect(answer.value).toBe(2n);
    await running;
  });

  it('throws into the guest what the hostcall throws, or rejects with', async () => {
    const failing = openAsking(() => {
      throw new Error('at once');
    });
    await expect(failing.run()).rejects.toThrow('at once');
    const later = openAsking(() => Promise.reject(new Error('later')));
    await expect(later.run()).rejects.toThrow('later');
  });

  it('makes the hostcall at its place, of the guest that runs', async () => {
    const { run, answer } = openAsking(
      () => 1n,
      () => 2n,
    );
    await run();
    expect(answer.value).toBe(2n);
  });

  it('ends a guest that runs on nobody’s account', async () => {
    await expect(openAsking().run()).rejects.toBeInstanceOf(WebAssembly.RuntimeError);
  });

  it('has one function for all guests at a place', () => {
    const { crossings } = openAsking(() => 1n);
    const face = faceOf(facts);
    expect(crossings.open(0, face)).toBe(crossings.open(0, face));
    expect(crossings.open(1, face)).not.toBe(crossings.open(0, face));
  });
});

/** Sets `hi` as its body; its types stand in one group: (rec (type (func …)) (type (func))). */
const grouped = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 13, 1, 0x4e, 2, 0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f, 0x60, 0, 0],
  ...[2, 30, 1, 3, ...Buffer.from('env'), 22, ...Buffer.from('hostcall_resp_set_body'), 0, 0],
  ...[3, 2, 1, 1],
  ...[5, 3, 1, 0, 1],
  ...[7, 16, 2, 6, ...Buffer.from('memory'), 2, 0, 3, ...Buffer.from('run'), 0, 1],
  ...[10, 13, 1, 11, 0, 0x41, 0, 0x41, 0, 0x41, 2, 0x10, 0, 0x1a, 0x0b],
  ...[11, 8, 1, 0, 0x41, 0, 0x0b, 2, ...Buffer.from('hi')],
);

const waitingImport = (at: number): string =>
  `(import "env" "hostcall_kvstore_get"
    (func $get${at} (param i32 i32 i32 i32) (result i32)))`;
/** Imports more functions that may wait than cross. */
const manyWaiting = `(module
  ${Array.from({ length: 200 }, (_, at) => waitingImport(at)).join('\n  ')}
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "hi")
  (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
  (func (export "run")
    (drop (call $get0 (i32.const 0x50) (i32.const 0x54) (i32.const 0) (i32.const 2)))
    (drop (call $get199 (i32.const 0x50) (i32.const 0x54) (i32.const 0) (i32.const 2)))
    (drop (call $set (i32.const 0) (i32.const 0) (i32.const 2)))))`;

describe('a run', () => {
  it.each([
    ['a module', 'hello'],
    ['a component of 0.2', 'components/rust/hello'],
    ['a component of 0.3', 'components/rust/service03'],
  ])('of %s is over at once where its guest waits for nothing', async (_what, guest) => {
    using engine = new Engine();
    const loaded = engine.load(guest);
    const run = () => {
      const exchange = new TestExchange({}, new Uint8Array(0));
      return engine.pool.acquire(loaded, sharesOf()).run(exchange, new World());
    };
    // One whose slice is over, on a busy machine, has others go before.
    let report = run();
    for (let turn = 0; turn < 50 && report instanceof Promise; turn += 1) {
      await report;
      report = run();
    }
    expect(report).toMatchObject({ outcome: 'replied', error: undefined });
  });

  it('is served whose imports that may wait are more than cross', async () => {
    using engine = new Engine();
    const loaded = engine.load(assemble(manyWaiting));
    for (const _ of [1, 2]) expect((await engine.run(loaded)).text).toBe('hi');
  });

  it('is served whose imports have types of a group', async () => {
    using engine = new Engine();
    const loaded = engine.load(grouped);
    for (const _ of [1, 2]) expect((await engine.run(loaded)).text).toBe('hi');
  });
});
