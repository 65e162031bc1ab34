/** Runs on the thread's own stack: which are, what is held back, and what begins anew. */
import { describe, expect, test } from 'vitest';
import { MapKeyValue, World } from '../support/abi-world.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { Engine, sharesOf, TestExchange } from './world.ts';

/**
 * Says "seen" for the log, marks a page of its own, and answers whether it was marked before. By
 * the last letter of its path it first stores something (s), reads the store (g), traps (t), calls
 * itself without end (d), computes for longer than a slice (c), logs a hundred times (l), or a line
 * of 40,000 characters (w).
 */
const guest = assemble(`(module
  (import "env" "hostcall_req_get_path" (func $path (param i32 i32 i32)))
  (import "env" "hostcall_kvstore_get" (func $get (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_kvstore_insert" (func $insert (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_debug" (func $debug (param i32 i32)))
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (global $top (mut i32) (i32.const 0x2000))
  (data (i32.const 0x100) "seen")
  (data (i32.const 0x110) "clean")
  (data (i32.const 0x120) "dirty")
  (func (export "default_malloc_impl") (param $size i32) (result i32)
    (global.get $top)
    (global.set $top (i32.add (global.get $top)
      (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -16)))))
  (func $deep (param i32) (result i32)
    (i32.add (local.get 0) (call $deep (i32.add (local.get 0) (i32.const 1)))))
  (func (export "run") (local $was i32) (local $letter i32) (local $count i32)
    (call $debug (i32.const 0x100) (i32.const 4))
    (local.set $was (i32.load8_u (i32.const 0x20000)))
    (i32.store8 (i32.const 0x20000) (i32.const 1))
    (call $path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (local.set $letter (i32.load8_u (i32.sub
      (i32.add (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44))) (i32.const 1))))
    (drop (call $set (i32.const 0)
      (select (i32.const 0x120) (i32.const 0x110) (local.get $was)) (i32.const 5)))
    (if (i32.eq (local.get $letter) (i32.const 115))
      (then (drop (call $insert (i32.const 0x100) (i32.const 4) (i32.const 0x100) (i32.const 4)))))
    (if (i32.eq (local.get $letter) (i32.const 103))
      (then (drop (call $get (i32.const 0x50) (i32.const 0x54) (i32.const 0x100) (i32.const 4)))))
    (if (i32.eq (local.get $letter) (i32.const 116)) (then unreachable))
    (if (i32.eq (local.get $letter) (i32.const 100)) (then (drop (call $deep (i32.const 0)))))
    (if (i32.eq (local.get $letter) (i32.const 99))
      (then
        (local.set $count (i32.const 60000000))
        (loop $on
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br_if $on (local.get $count)))))
    (if (i32.eq (local.get $letter) (i32.const 119))
      (then
        (memory.fill (i32.const 0x21000) (i32.const 120) (i32.const 40000))
        (call $debug (i32.const 0x21000) (i32.const 40000))))
    (if (i32.eq (local.get $letter) (i32.const 108))
      (then
        (local.set $count (i32.const 100))
        (loop $on
          (call $debug (i32.const 0x100) (i32.const 4))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br_if $on (local.get $count)))))))`);

/** Tells how often it was asked. */
class CountingStore extends MapKeyValue {
  asked = 0;

  override get(key: Uint8Array): Promise<Uint8Array | undefined> {
    this.asked += 1;
    return super.get(key);
  }

  override insert(key: Uint8Array, value: Uint8Array): Promise<boolean> {
    this.asked += 1;
    return super.insert(key, value);
  }
}

class CountingWorld extends World {
  override readonly keyValue = new CountingStore();
}

/** With a guest that rests, so that the next run can be an attempt. */
async function openAlways(limits = {}) {
  const engine = new Engine({ attempts: 'always', limits });
  const loaded = engine.load(guest);
  await engine.run(loaded);
  return { engine, loaded };
}

describe('an attempt', () => {
  test('answers and logs as any run does', async () => {
    const { engine, loaded } = await openAlways();
    using _ = engine;
    const world = new World();
    const { text, report } = await engine.run(loaded, { world });
    expect([text, report.outcome, world.logLines]).toEqual(['clean', 'replied', ['info seen']]);
    expect(engine.attemptsOf(loaded)).toEqual({ kept: 1, dropped: 0 });
  });

  test('is over when it returns: nobody waits for a promise', async () => {
    const { engine, loaded } = await openAlways();
    using _ = engine;
    const exchange = new TestExchange({ target: '/guest.wasm' }, Buffer.alloc(0));
    const report = engine.pool.acquire(loaded, sharesOf()).run(exchange, new World());
    expect(report).not.toBeInstanceOf(Promise);
    expect(exchange.sent?.text).toBe('clean');
  });

  test('has the body of its request', async () => {
    using engine = new Engine({ attempts: 'always' });
    const loaded = engine.load('echo');
    for (const body of ['one', 'two', 'three']) {
      expect((await engine.run(loaded, { body })).text).toContain(body);
    }
    expect(engine.attemptsOf(loaded)).toEqual({ kept: 2, dropped: 0 });
  });

  test.each(['s', 'g'])('that would reach the store is begun anew before: %s', async (letter) => {
    const { engine, loaded } = await openAlways();
    using _ = engine;
    const world = new CountingWorld();
    const { text, report } = await engine.run(loaded, { world, target: `/${letter}` });
    expect([text, report.outcome]).toEqual(['clean', 'replied']);
    // Once, though its code was run twice up to there.
    expect(world.keyValue.asked).toBe(1);
    expect(world.logLines).toEqual(['info seen']);
    expect(engine.attemptsOf(loaded)).toEqual({ kept: 0, dropped: 1 });
    // Its guest was put back, and served it again.
    expect(engine.pool.counts).toMatchObject({ created: 1, discarded: 0 });
  });

  test('that used up its slice is begun anew, on what is left of its budget', async () => {
    const { engine, loaded } = await openAlways({ sliceMs: 1 });
    using _ = engine;
    const world = new World();
    const { text, report } = await engine.run(loaded, { world, target: '/c' });
    expect([text, world.logLines]).toEqual(['clean', ['info seen']]);
    expect(report.cpuUs).toBeGreaterThan(1_000);
    expect(engine.attemptsOf(loaded)).toEqual({ kept: 0, dropped: 1 });
    // No hostcall ended it: not all that it wrote may have been marked.
    expect(engine.pool.counts).toMatchObject({ created: 2, discarded: 1 });
  });

  test('has what is left of its CPU budget when it is begun anew', async () => {
    // More than a slice, also of an owner who is alone.
    const { engine, loaded } = await openAlways({ sliceMs: 1, cpuMsMax: 8 });
    using _ = engine;
    const { report } = await engine.run(loaded, { target: '/c' });
    expect(report.outcome).toBe('out-of-cpu');
    expect(engine.attemptsOf(loaded)).toEqual({ kept: 0, dropped: 1 });
  });

  test('that traps has trapped: what it said before leaves', async () => {
    const { engine, loaded } = await openAlways();
    using _ = engine;
    const world = new World();
    const { report } = await engine.run(loaded, { world, target: '/t' });
    expect(report).toMatchObject({ outcome: 'trapped', error: { code: 'guest-trapped' } });
    expect(world.logLines).toEqual(['info seen']);
    expect(engine.attemptsOf(loaded)).toEqual({ kept: 1, dropped: 0 });
    expect((await engine.run(loaded)).text).toBe('clean');
  });

  test('that overflows the stack of the thread is begun anew, and does so on its own', async () => {
    const { engine, loaded } = await openAlways();
    using _ = engine;
    const { report } = await engine.run(loaded, { target: '/d' });
    expect(report).toMatchObject({
      outcome: 'trapped',
      error: { code: 'guest-trapped', detail: expect.stringContaining('call stack') },
    });
    expect(engine.attemptsOf(loaded)).toEqual({ kept: 0, dropped: 1 });
    expect((await engine.run(loaded)).text).toBe('clean');
  });

  test.each([
    ['lines', 'l', 101],
    ['words', 'w', 2],
  ])('with more %s than are held is begun anew', async (_, letter, lines) => {
    const { engine, loaded } = await openAlways();
    using _engine = engine;
    const world = new World();
    expect((await engine.run(loaded, { world, target: `/${letter}` })).text).toBe('clean');
    expect(world.logLines).toHaveLength(lines);
    expect(engine.attemptsOf(loaded)).toEqual({ kept: 0, dropped: 1 });
  });

  test('whose answer cannot leave is begun anew, which finds out what to tell', async () => {
    using engine = new Engine({ attempts: 'always' });
    // Answers while its code runs.
    const loaded = engine.load('components/rust/hello');
    await engine.run(loaded);
    class RefusingOnce extends TestExchange {
      asked = 0;
      override send(...reply: Parameters<TestExchange['send']>): void {
        this.asked += 1;
        if (this.asked === 1) throw new TypeError('Cannot send: a test refuses it');
        super.send(...reply);
      }
    }
    const exchange = new RefusingOnce({ target: '/guest.wasm' }, Buffer.alloc(0));
    const report = await engine.pool.acquire(loaded, sharesOf()).run(exchange, new World());
    expect(report.outcome).toBe('replied');
    expect([exchange.asked, exchange.sent?.status]).toEqual([2, 200]);
    expect(engine.attemptsOf(loaded)).toEqual({ kept: 0, dropped: 1 });
  });

  test('of a link that passes the request on does so once it is over', async () => {
    using engine = new Engine({ attempts: 'always' });
    const loaded = engine.load('components/rust/guard');
    class LinkExchange extends TestExchange {
      passed = 0;
      readonly next = {
        open: () => expect.unreachable('the link asks nobody'),
        passOn: () => {
          this.passed += 1;
        },
      };
    }
    for (let run = 0; run < 3; run += 1) {
      const exchange = new LinkExchange(
        { target: '/guest.wasm', headers: [['x-key', 'open']] },
        Buffer.alloc(0),
      );
      const report = await engine.pool.acquire(loaded, sharesOf()).run(exchange, new World());
      expect([report.outcome, exchange.passed, exchange.sent]).toEqual(['replied', 1, undefined]);
    }
    expect(engine.attemptsOf(loaded)).toEqual({ kept: 2, dropped: 0 });
  });

  test('ends with its client, which has gone while it waited for its turn anew', async () => {
    const { engine, loaded } = await openAlways();
    using _ = engine;
    class LateStore extends CountingStore {
      override get(key: Uint8Array): Promise<Uint8Array | undefined> {
        exchange.goAway();
        return super.get(key);
      }
    }
    class LateWorld extends World {
      override readonly keyValue = new LateStore();
    }
    const exchange = new TestExchange({ target: '/g' }, Buffer.alloc(0));
    const report = await engine.pool.acquire(loaded, sharesOf()).run(exchange, new LateWorld());
    expect(report.outcome).toBe('abandoned');
    expect((await engine.run(loaded)).text).toBe('clean');
  });
});

describe('an attempt that is dropped', () => {
  test('by what its allocator takes of the stack is begun anew, with more of it', async () => {
    const calls = 7_000;
    using engine = new Engine({ attempts: 'always' });
    const loaded = engine.load(
      assemble(`(module
        (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
        (import "env" "hostcall_req_get_method" (func $get (param i32 i32 i32)))
        (memory (export "memory") 1)
        (data (i32.const 0x100) "fine")
        (func $down (param $left i32) (param $asks i32) (result i32)
          (if (result i32) (local.get $left)
            (then (i32.add (i32.const 1)
              (call $down (i32.sub (local.get $left) (i32.const 1)) (local.get $asks))))
            (else
              (if (local.get $asks)
                (then (call $get (i32.const 0x50) (i32.const 0x54) (i32.const 0))))
              (i32.const 0))))
        (func (export "default_malloc_impl") (param i32) (result i32)
          (drop (call $down (i32.const ${calls}) (i32.const 0)))
          (i32.const 0x2000))
        (func (export "run")
          (drop (call $down (i32.const ${calls}) (i32.const 1)))
          (drop (call $set (i32.const 0) (i32.const 0x100) (i32.const 4)))))`),
    );
    for (let run = 0; run < 3; run += 1) expect((await engine.run(loaded)).text).toBe('fine');
  });

  test('has not said what it had begun to say: a line without an end', async () => {
    using engine = new Engine({ attempts: 'always' });
    const loaded = engine.load(
      assemble(`(module
        (import "fastly_http_req" "body_downstream_get"
          (func $get (param i32 i32) (result i32)))
        (import "fastly_erl" "penaltybox_has"
          (func $has (param i32 i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write"
          (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0x100) "abc")
        (data (i32.const 0x10) "\\00\\01\\00\\00\\03\\00\\00\\00")
        (func (export "_start")
          (drop (call $get (i32.const 0x40) (i32.const 0x44)))
          (drop (call $write (i32.const 1) (i32.const 0x10) (i32.const 1) (i32.const 0x20)))
          (drop (call $has (i32.const 0x100) (i32.const 3) (i32.const 0x100) (i32.const 3)
            (i32.const 0x50)))))`),
    );
    for (let run = 0; run < 4; run += 1) {
      const world = new World();
      const { report, reply } = await engine.run(loaded, { world });
      expect([report.outcome, reply?.status]).toEqual(['replied', 200]);
      expect(world.logLines.filter((line) => line.includes('abc'))).toEqual(['info abc']);
    }
    expect(engine.attemptsOf(loaded)).toEqual({ kept: 0, dropped: 3 });
    // Its guest is nobody's but the next run's.
    expect(engine.pool.counts).toMatchObject({ created: 1, discarded: 0 });
  });

  test('where it would sleep leaves no timer, and no promise that nobody hears', async () => {
    using engine = new Engine({ attempts: 'always' });
    const loaded = engine.load(
      assemble(`(module
        (import "wasi_snapshot_preview1" "fd_write"
          (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "poll_oneoff"
          (func $poll (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0x100) "Content-type: text/plain\\0a\\0ahello")
        (data (i32.const 0x10) "\\00\\01\\00\\00\\1f\\00\\00\\00")
        (func (export "_start")
          (drop (call $write (i32.const 1) (i32.const 0x10) (i32.const 1) (i32.const 0x20)))
          (i32.store (i32.const 0x210) (i32.const 1))
          (i64.store (i32.const 0x218) (i64.const 1000000))
          (drop (call $poll (i32.const 0x200) (i32.const 0x300) (i32.const 1)
            (i32.const 0x400)))))`),
    );
    for (let run = 0; run < 3; run += 1) {
      const world = new World();
      const begun = engine.begin(loaded, { world });
      const passing = setInterval(() => world.elapse(1_000_000n), 1);
      expect((await begun.report).outcome).toBe('replied');
      clearInterval(passing);
      expect(begun.exchange.sent?.text).toBe('hello');
      expect(world.waiting.size).toBe(0);
    }
    // Vitest fails where a promise is rejected that nobody hears.
    expect(engine.attemptsOf(loaded)).toEqual({ kept: 0, dropped: 2 });
    expect(engine.pool.counts).toMatchObject({ created: 1, discarded: 0 });
  });
});

describe('runs of a program', () => {
  test('are attempts once enough in a row have waited for nothing', async () => {
    using engine = new Engine();
    const loaded = engine.load(guest);
    for (let run = 0; run < 65; run += 1) await engine.run(loaded);
    const { kept } = engine.attemptsOf(loaded);
    expect(kept).toBeLessThanOrEqual(1);
    for (let run = 0; run < 20; run += 1) await engine.run(loaded);
    expect(engine.attemptsOf(loaded)).toEqual({ kept: kept + 20, dropped: 0 });
  });

  test('are none where they wait', async () => {
    using engine = new Engine();
    const loaded = engine.load(guest);
    for (let run = 0; run < 200; run += 1) await engine.run(loaded, { target: '/g' });
    expect(engine.attemptsOf(loaded)).toEqual({ kept: 0, dropped: 0 });
  });

  test('are seldom attempts where those are dropped', async () => {
    using engine = new Engine();
    const loaded = engine.load(guest);
    const ask = async (target: string, count: number) => {
      for (let run = 0; run < count; run += 1) await engine.run(loaded, { target });
    };
    await ask('/', 65);
    await ask('/s', 1);
    const { dropped } = engine.attemptsOf(loaded);
    expect(dropped).toBe(1);
    await ask('/', 200);
    const { kept } = engine.attemptsOf(loaded);
    expect(kept).toBeLessThanOrEqual(2);
    await ask('/', 100);
    expect(engine.attemptsOf(loaded).kept).toBeGreaterThan(20);
  });

  test('are never attempts where a test or a benchmark says so', async () => {
    using engine = new Engine({ attempts: 'never' });
    const loaded = engine.load(guest);
    for (let run = 0; run < 100; run += 1) await engine.run(loaded);
    expect(engine.attemptsOf(loaded)).toEqual({ kept: 0, dropped: 0 });
  });
});
