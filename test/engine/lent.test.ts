/** How runs end that have the thread of a link that waits for them, for the length of its call. */
import { describe, expect, test } from 'vitest';
import { MapKeyValue, World } from '../support/abi-world.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { answerOf, Engine, type RequestPlan } from './world.ts';

/** Asks, writes to a page of its own, and answers whether somebody had written there before. */
const link = assemble(`(module
  (import "env" "hostcall_kvstore_get" (func $get (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 0x110) "clean")
  (data (i32.const 0x120) "dirty")
  (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
  (func (export "run") (local $was i32)
    (local.set $was (i32.load8_u (i32.const 0x20000)))
    (drop (call $get (i32.const 0x50) (i32.const 0x54) (i32.const 0x100) (i32.const 5)))
    (i32.store8 (i32.const 0x20000) (i32.const 1))
    (drop (call $set (i32.const 0)
      (select (i32.const 0x120) (i32.const 0x110) (local.get $was)) (i32.const 5)))))`);

/** Ends as the last letter of the path says. */
const behind = assemble(`(module
  (import "env" "hostcall_req_get_path" (func $path (param i32 i32 i32)))
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (global $top (mut i32) (i32.const 0x2000))
  (data (i32.const 0x110) "behind")
  (func (export "default_malloc_impl") (param $size i32) (result i32)
    (global.get $top)
    (global.set $top (i32.add (global.get $top)
      (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -16)))))
  (func $deep (param i32) (result i32)
    (i32.add (local.get 0) (call $deep (i32.add (local.get 0) (i32.const 1)))))
  (func (export "run") (local $letter i32)
    (call $path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (local.set $letter (i32.load8_u (i32.sub
      (i32.add (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44))) (i32.const 1))))
    (i32.store8 (i32.const 0x20000) (i32.const 1))
    (if (i32.eq (local.get $letter) (i32.const 116)) (then unreachable))
    (if (i32.eq (local.get $letter) (i32.const 100)) (then (drop (call $deep (i32.const 0)))))
    (if (i32.eq (local.get $letter) (i32.const 115)) (then (loop $on (br $on))))
    (if (i32.eq (local.get $letter) (i32.const 104))
      (then (drop (call $set (i32.const 0) (i32.const -4) (i32.const 8)))))
    (drop (call $set (i32.const 0) (i32.const 0x110) (i32.const 6)))))`);

/** A link's store is what stands behind it. */
class AskingStore extends MapKeyValue {
  readonly #ask: () => Promise<unknown>;

  constructor(ask: () => Promise<unknown>) {
    super();
    this.#ask = ask;
  }

  override get(): Promise<undefined> {
    return this.#ask().then(() => undefined);
  }
}

class AskingWorld extends World {
  override readonly keyValue: MapKeyValue;

  constructor(ask: () => Promise<unknown>) {
    super();
    this.keyValue = new AskingStore(ask);
  }
}

/** What the link answers, and what stands behind it. */
async function follow(engine: Engine, plan: RequestPlan) {
  const [links, asked] = [engine.load(link), engine.load(behind)];
  for (const _ of [1, 2]) await engine.run(asked, { target: '/behind.wasm/k' });
  const under = Promise.withResolvers<ReturnType<Engine['begin']>>();
  const world = new AskingWorld(() =>
    engine.pool.lend(() => {
      const run = engine.begin(asked, plan);
      under.resolve(run);
      return run.report;
    }),
  );
  const answer = await engine.run(links, { world });
  const { exchange, report } = await under.promise;
  return { link: answer, behind: answerOf(exchange, await report) };
}

describe('what stands behind a link', () => {
  test.each([
    ['k', 'replied', undefined],
    ['t', 'trapped', /unreachable/],
    ['d', 'trapped', /Maximum call stack/],
    ['h', 'trapped', /linear memory/],
    ['s', 'out-of-cpu', /CPU limit/],
  ])('ends %s as it does by itself: %s', async (letter, outcome, reason) => {
    // A slice nobody uses up: the link lends its turn however slow the machine is.
    using engine = new Engine({
      restoreMode: 'cards',
      limits: { cpuMsMax: 50, sliceMs: 1_000 },
    });
    const plan = { target: `/behind.wasm/${letter}` };
    const found = await follow(engine, plan);
    const alone = await engine.run(engine.load(behind), plan);
    expect([found.behind.report.outcome, alone.report.outcome]).toEqual([outcome, outcome]);
    for (const { report } of [found.behind, alone]) {
      if (reason === undefined) expect(report.cause).toBeUndefined();
      else expect(report.cause?.detail).toMatch(reason);
    }
    expect(found.link.text).toBe('clean');
    const { link: next } = await follow(engine, { target: '/behind.wasm/k' });
    expect(next.text).toBe('clean');
  });
});
