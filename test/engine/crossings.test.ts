import { describe, expect, it } from 'vitest';
import { Crossings, type HostFunction } from '../../src/engine/crossings.ts';
import { takeTrap } from '../../src/engine/run/trap.ts';
import { World } from '../support/abi-world.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { Engine, sharesOf, TestExchange } from './world.ts';

/** Asks, and keeps the answer; then tells that it has gone on. */
const asking = new WebAssembly.Module(
  assemble(`(module
    (import "host" "ask" (func $ask (param i32 i64) (result i64)))
    (import "host" "tell" (func $tell (param i32 i32 i32 i32 i32 i32) (result i32)))
    (global (export "answer") (mut i64) (i64.const 0))
    (global (export "told") (mut i32) (i32.const 0))
    (func (export "run")
      (global.set 0 (call $ask (i32.const 7) (i64.const 8)))
      (global.set 1 (call $tell (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4)
        (i32.const 5) (i32.const 6)))))`),
);
const askFace = { params: ['i32', 'i64'], results: ['i64'] };
const tellFace = { params: Array<string>(6).fill('i32'), results: ['i32'] };
const six = (...args: unknown[]): unknown => args[5];

/** Guests on a thread that serves what `thread.current` says. */
function openAsking(ask: HostFunction, tell = six) {
  const thread: { current: { readonly serving: number } | undefined } = {
    current: { serving: 1 },
  };
  const trap = takeTrap();
  const crossings = new Crossings({ scheduler: thread, trap });
  const [asks = 0, tells = 0] = crossings.open([
    { face: askFace, waits: true, call: ask },
    { face: tellFace, waits: false, call: tell },
  ]);
  const host = { ask: asks, tell: tells };
  const { exports } = new WebAssembly.Instance(asking, { host });
  const answer = exports.answer as WebAssembly.Global<bigint>;
  const told = exports.told as WebAssembly.Global<number>;
  const run = WebAssembly.promising(exports.run as () => undefined);
  return { run, answer, told, thread, trap, crossings };
}

describe('Crossings', () => {
  it('does not suspend a guest whose hostcall answers at once', async () => {
    const { run, answer, told } = openAsking((a, b) => BigInt(Number(a)) + (b as bigint));
    const running = run();
    expect([answer.value, told.value]).toEqual([15n, 6]);
    await running;
  });

  it('suspends one whose hostcall waits, and gives it the answer then', async () => {
    const { promise, resolve } = Promise.withResolvers<bigint>();
    const { run, answer, told } = openAsking(() => promise);
    const running = run();
    expect(answer.value).toBe(0n);
    resolve(2n ** 40n);
    await running;
    expect([answer.value, told.value]).toEqual([2n ** 40n, 6]);
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

  it('waits in one of any number of parameters', async () => {
    const crossings = new Crossings({
      scheduler: { current: { serving: 1 } },
      trap: takeTrap(),
    });
    const face = { params: Array<string>(9).fill('f64'), results: [] };
    const given: unknown[] = [];
    const call = async (...args: unknown[]): Promise<void> => {
      await undefined;
      given.push(...args);
    };
    const ask = crossings.openOne({ face, waits: true, call });
    const zeros = Array.from({ length: 9 }, (_, at) => `(f64.const ${at})`).join(' ');
    const module = new WebAssembly.Module(
      assemble(`(module (import "host" "ask" (func $ask (param ${face.params.join(' ')})))
        (func (export "run") (call $ask ${zeros})))`),
    );
    const { exports } = new WebAssembly.Instance(module, { host: { ask } });
    await WebAssembly.promising(exports.run as () => undefined)();
    expect(given).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it.each([
    ['nobody', undefined],
    ['another run', { serving: 2 }],
  ])('ends a guest that would go on while the thread serves %s', async (_whom, other) => {
    const { promise, resolve } = Promise.withResolvers<bigint>();
    const { run, answer, told, thread, trap } = openAsking(() => promise);
    const running = run();
    thread.current = other;
    resolve(1n);
    await expect(running).rejects.toBe(trap);
    expect([answer.value, told.value]).toEqual([0n, 0]);
  });

  it('lets it go on once the thread serves it again', async () => {
    const { promise, resolve } = Promise.withResolvers<bigint>();
    const { run, answer, thread } = openAsking(() => promise);
    const running = run();
    const mine = thread.current;
    thread.current = { serving: 2 };
    await undefined;
    thread.current = mine;
    resolve(1n);
    await running;
    expect(answer.value).toBe(1n);
  });

  it('asks the same of one that is suspended in each call', async () => {
    const { thread, trap, crossings } = openAsking(six);
    const suspended = (call: HostFunction) => {
      const host = { ask: crossings.suspending(call), tell: six };
      const { exports } = new WebAssembly.Instance(asking, { host });
      return {
        told: exports.told as WebAssembly.Global<number>,
        run: WebAssembly.promising(exports.run as () => undefined),
      };
    };
    const one = suspended(async () => 1n);
    await one.run();
    expect(one.told.value).toBe(6);
    const other = suspended(async () => 1n);
    const running = other.run();
    thread.current = undefined;
    await expect(running).rejects.toBe(trap);
    expect(other.told.value).toBe(0);
  });

  it('gives every service a number of its own', () => {
    const { crossings } = openAsking(six);
    const numbers = Array.from({ length: 100 }, () => crossings.nextServing());
    expect(new Set(numbers).size).toBe(100);
    expect(numbers).not.toContain(0);
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
/** Imports one function many times. */
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

  it('is served that imports a function that may wait two hundred times', async () => {
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
