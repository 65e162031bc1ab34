/** Modules that want to be initialised before any request. */
import { describe, expect, test } from 'vitest';
import type { RestoreMode } from '../../src/engine/restore/snapshot.ts';
import { Talk } from '../abi/wasip1/messages/talk.ts';
import { MapKeyValue, World } from '../support/abi-world.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { answerOf, Engine, sharesOf, TestExchange } from './world.ts';

const modes: readonly (RestoreMode | 'never')[] = ['copy', 'cards', 'copy-on-write', 'never'];
const isThere = (mode: string): boolean => mode !== 'copy-on-write' || process.platform === 'linux';

/**
 * Initialising logs "once", grows the memory to 20 pages, clears data, and leaves marks in memory
 * and in globals of every kind, also bits that a NaN would lose. A run answers "as left" where it
 * finds all of that, asks the store, and spoils everything.
 */
const thorough = assemble(`(module
  (import "env" "hostcall_debug" (func $log (param i32 i32)))
  (import "env" "hostcall_kvstore_get" (func $get (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (global $long (mut i64) (i64.const 0))
  (global $float (mut f32) (f32.const 0))
  (global $double (mut f64) (f64.const 0))
  (global $wide (mut v128) (v128.const i64x2 0 0))
  (data (i32.const 0x100) "onceas leftspoilt")
  (data (i32.const 0x1fff0) "to be cleared")
  (data $passive "never read")
  (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
  (func (export "wizer.initialize")
    (call $log (i32.const 0x100) (i32.const 4))
    (drop (memory.grow (i32.const 18)))
    (memory.fill (i32.const 0x1fff0) (i32.const 0) (i32.const 13))
    (i32.store (i32.const 0x13ff00) (i32.const 77))
    (data.drop $passive)
    (global.set $long (i64.const 0x0123456789abcdef))
    (global.set $float (f32.reinterpret_i32 (i32.const 0x7fa00001)))
    (global.set $double (f64.reinterpret_i64 (i64.const 0x7ff4000000000001)))
    (global.set $wide (v128.const i64x2 5 6)))
  (func $isAsLeft (result i32)
    (i32.and (i32.eq (memory.size) (i32.const 20))
    (i32.and (i64.eqz (i64.load (i32.const 0x1fff0)))
    (i32.and (i32.eq (i32.load (i32.const 0x13ff00)) (i32.const 77))
    (i32.and (i64.eq (global.get $long) (i64.const 0x0123456789abcdef))
    (i32.and (i32.eq (i32.reinterpret_f32 (global.get $float)) (i32.const 0x7fa00001))
    (i32.and
      (i64.eq (i64.reinterpret_f64 (global.get $double)) (i64.const 0x7ff4000000000001))
      (i64.eq (i64x2.extract_lane 1 (global.get $wide)) (i64.const 6)))))))))
  (func (export "run")
    (if (call $isAsLeft)
      (then (drop (call $set (i32.const 0) (i32.const 0x104) (i32.const 7))))
      (else (drop (call $set (i32.const 0) (i32.const 0x10b) (i32.const 6)))))
    (drop (call $get (i32.const 0x50) (i32.const 0x54) (i32.const 0x100) (i32.const 3)))
    (global.set $long (i64.const 0))
    (global.set $float (f32.const 0))
    (global.set $double (f64.const 0))
    (global.set $wide (v128.const i64x2 0 0))
    (memory.fill (i32.const 0x10000) (i32.const 255) (i32.const 0x20000))
    (i32.store (i32.const 0x13ff00) (i32.const 0))))`);

/** A store that answers when the test says so. */
class LateWorld extends World {
  readonly gate = Promise.withResolvers<void>();
  asked = 0;
  override readonly keyValue = new LateStore(this);
}

class LateStore extends MapKeyValue {
  readonly #world: LateWorld;

  constructor(world: LateWorld) {
    super();
    this.#world = world;
  }

  override async get(): Promise<undefined> {
    this.#world.asked += 1;
    await this.#world.gate.promise;
  }
}

const untilTrue = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
};

const countOnce = ({ logLines }: World): number =>
  logLines.filter((line) => line.includes('once')).length;

describe.each(modes.filter(isThere))('a module that is initialised, restored by %s', (mode) => {
  test('begins every request as that left it, in copies of the one instance', async () => {
    using engine = new Engine({ restoreMode: mode });
    const loaded = engine.load(thorough);
    const world = new LateWorld();
    const count = 5;
    const runs = Array.from({ length: count }, () => engine.begin(loaded, { world }));
    await untilTrue(() => world.asked === count);
    world.gate.resolve();
    for (const { exchange, report } of runs) {
      expect(answerOf(exchange, await report).text).toBe('as left');
    }
    for (let run = 0; run < 3; run += 1) {
      expect((await engine.run(loaded, { world })).text).toBe('as left');
    }
    // A module that is never restored is initialised for each of its runs.
    expect(countOnce(world)).toBe(mode === 'never' ? count + 3 : 1);
  });
});

/** Initialising takes some millions of steps, and logs when it ends; a run takes a few. */
const slow = assemble(`(module
  (import "env" "hostcall_debug" (func $log (param i32 i32)))
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0x100) "once")
  (global $left (mut i32) (i32.const 20000000))
  (func (export "wizer-initialize")
    (loop $next
      (global.set $left (i32.sub (global.get $left) (i32.const 1)))
      (br_if $next (global.get $left)))
    (call $log (i32.const 0x100) (i32.const 4)))
  (func (export "run")
    (if (global.get $left) (then unreachable))
    (drop (call $set (i32.const 0) (i32.const 0x100) (i32.const 4)))))`);

/** Answers with the random number that its initialisation drew. */
const drawing = assemble(`(module
  (import "env" "hostcall_rng_next_u64" (func $random (result i64)))
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "wizer.initialize") (i64.store (i32.const 0x200) (call $random)))
  (func (export "run") (drop (call $set (i32.const 0) (i32.const 0x200) (i32.const 8)))))`);

describe('an initialisation', () => {
  test('is waited for by who comes meanwhile, and begins once', async () => {
    using engine = new Engine({ limits: { sliceMs: 0.1, cpuMsMax: 60_000 } });
    const loaded = engine.load(slow);
    const world = new World();
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => engine.run(loaded, { world })),
    );
    expect(answers.map(({ text }) => text)).toEqual(Array(6).fill('once'));
    expect(countOnce(world)).toBe(1);
  });

  test('is not waited for by other owners, who do it themselves', async () => {
    using engine = new Engine({ limits: { sliceMs: 0.1, cpuMsMax: 60_000 } });
    const loaded = engine.load(slow);
    const world = new World();
    // Whoever owes time has turns seldom, and everybody else would wait as long for the first.
    const answers = await Promise.all(
      ['/mallory', '/alice', '/mallory', '/alice'].map((siteKey) =>
        engine.run(loaded, { siteKey, world }),
      ),
    );
    expect(answers.map(({ text }) => text)).toEqual(Array(4).fill('once'));
    expect(countOnce(world)).toBe(2);
  });

  test('draws random numbers that other owners of the same module do not see', async () => {
    using engine = new Engine();
    const loaded = engine.load(drawing);
    const ask = async (siteKey: string, random: string): Promise<string> => {
      const world = new World();
      world.randomBytes = Buffer.from(random);
      return (await engine.run(loaded, { siteKey, owner: siteKey.slice(0, 2), world })).text;
    };
    expect(await ask('/a/one', 'of alice')).toBe('of alice');
    // What the initialisation left, also in what is made ready for another site of hers.
    expect(await ask('/a/two', 'not seen')).toBe('of alice');
    expect(await ask('/b/one', 'of bobby')).toBe('of bobby');
    expect(await ask('/a/one', 'not seen')).toBe('of alice');
    expect(engine.pool.counts.created).toBe(2);
  });

  test('is begun anew by another where its run was given up', async () => {
    using engine = new Engine({ limits: { sliceMs: 0.1, cpuMsMax: 60_000 } });
    const loaded = engine.load(slow);
    const world = new World();
    const first = engine.begin(loaded, { world });
    const second = engine.begin(loaded, { world });
    await new Promise((resolve) => setImmediate(resolve));
    first.exchange.goAway();
    expect((await first.report).outcome).toBe('abandoned');
    expect(answerOf(second.exchange, await second.report).text).toBe('once');
    expect(countOnce(world)).toBe(1);
  });

  test('costs the run that comes first, and no other', async () => {
    using engine = new Engine({ limits: { cpuMsMax: 60_000 } });
    const loaded = engine.load(slow);
    const first = await engine.run(loaded);
    const second = await engine.run(loaded);
    expect(second.report.cpuUs).toBeLessThan(first.report.cpuUs / 10);
  });

  test('is done ahead of the first request where a guest is made ready', async () => {
    using engine = new Engine({ limits: { cpuMsMax: 60_000 } });
    const loaded = engine.load(slow);
    const [early, late] = [new World(), new World()];
    engine.pool.warm(loaded, sharesOf(), early);
    await untilTrue(() => engine.pool.idleBytes > 0);
    expect((await engine.run(loaded, { world: late })).text).toBe('once');
    expect([countOnce(early), countOnce(late)]).toEqual([1, 0]);
  });

  test.each([
    ['unreachable', 'guest-trapped', /^wizer-initialize, before any request: .*unreachable/],
    ['(loop (br 0))', 'guest-out-of-cpu', /CPU limit/],
    ['(drop (memory.grow (i32.const 100))) (loop (br 0))', 'guest-out-of-cpu', /CPU limit/],
  ])('that fails is why there is no answer, each time: %s', async (body, code, detail) => {
    using engine = new Engine({ limits: { cpuMsMax: 50 } });
    const loaded = engine.load(
      assemble(`(module
        (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "wizer-initialize") ${body})
        (func (export "run")))`),
    );
    for (let run = 0; run < 2; run += 1) {
      const { report, reply } = await engine.run(loaded);
      expect(reply).toBeUndefined();
      expect(report.error).toEqual({ code, detail: expect.stringMatching(detail) });
      expect(engine.account.heldBy('memory')).toBe(0);
    }
  });
});

describe('what an initialisation may reach', () => {
  test('of Terrarium: time, random numbers, the log; else what each call has for it', async () => {
    using engine = new Engine();
    const loaded = engine.load(
      assemble(`(module
        (import "env" "hostcall_debug" (func $log (param i32 i32)))
        (import "env" "hostcall_time_now" (func $now (param i32) (result i64)))
        (import "env" "hostcall_rng_next_u64" (func $random (result i64)))
        (import "env" "hostcall_req_get_path" (func $path (param i32 i32 i32)))
        (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0x100) "once")
        (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
        (func (export "wizer.initialize")
          (i64.store (i32.const 0x200) (call $now (i32.const 0)))
          (drop (call $random))
          (call $path (i32.const 0x50) (i32.const 0x54) (i32.const 0))
          (i32.store8 (i32.const 0x210) (i32.add (i32.const 48) (i32.load (i32.const 0x54))))
          (i32.store8 (i32.const 0x211) (i32.add (i32.const 48)
            (call $set (i32.const 0) (i32.const 0x100) (i32.const 4))))
          (call $log (i32.const 0x100) (i32.const 4)))
        (func (export "run")
          (if (i64.eqz (i64.load (i32.const 0x200))) (then unreachable))
          (drop (call $set (i32.const 0) (i32.const 0x210) (i32.const 2)))))`),
    );
    const world = new World();
    const { text, report } = await engine.run(loaded, { world });
    expect({ text, error: report.error }).toEqual({ text: '01', error: undefined });
    expect(world.logLines.join()).toContain('no request yet');
    expect(countOnce(world)).toBe(1);
  });

  test('of WASI: clocks, random numbers and the log; no environment, input or files', async () => {
    using engine = new Engine();
    const loaded = engine.load(assemble(curiousProgram));
    const world = new World();
    const { text, report } = await engine.run(loaded, { world });
    expect(report.error).toBeUndefined();
    // Variables, bytes read, errors of path_open, clock_time_get, random_get; then those of a run.
    expect(text).toBe('0 0 8 0 0 many');
    expect(world.logLines.sort()).toEqual(['info err', 'info out and ']);
  });
});

test('a conversation begins with what the initialisation left, too', async () => {
  using engine = new Engine();
  const loaded = engine.load(assemble(rememberingProgram));
  const [first, second] = [new Talk(), new Talk()];
  for (const talk of [first, second]) {
    const run = engine.pool.acquire(loaded, sharesOf());
    const exchange = new TestExchange({}, new Uint8Array(0));
    expect((await run.converse(exchange, new World(), talk)).error).toBeUndefined();
  }
  expect([first.sent, second.sent]).toEqual([['1'], ['1']]);
});

/** Says how often it was initialised. */
const rememberingProgram = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0x100) "0\\n")
  (func (export "wizer.initialize")
    (i32.store8 (i32.const 0x100) (i32.add (i32.const 1) (i32.load8_u (i32.const 0x100)))))
  (func (export "_start")
    (i32.store (i32.const 0x40) (i32.const 0x100))
    (i32.store (i32.const 0x44) (i32.const 2))
    (drop (call $write (i32.const 1) (i32.const 0x40) (i32.const 1) (i32.const 0x48)))))`;

/** Remembers what its initialisation was answered, and tells it with what its run is answered. */
const curiousProgram = `(module
  (import "wasi_snapshot_preview1" "environ_sizes_get"
    (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0x100) "content-type: text/plain\\n\\n0 0 0 0 0 none")
  (data (i32.const 0x180) "out and err\\n")
  (data (i32.const 0x190) "many")
  (func $note (param $at i32) (param $value i32)
    (i32.store8 (local.get $at) (i32.add (i32.const 48) (local.get $value))))
  (func $print (param $fd i32) (param $ptr i32) (param $len i32)
    (i32.store (i32.const 0x40) (local.get $ptr))
    (i32.store (i32.const 0x44) (local.get $len))
    (drop (call $write (local.get $fd) (i32.const 0x40) (i32.const 1) (i32.const 0x48))))
  (func (export "wizer.initialize")
    (drop (call $sizes (i32.const 0x50) (i32.const 0x54)))
    (call $note (i32.const 0x11a) (i32.load (i32.const 0x50)))
    (i32.store (i32.const 0x40) (i32.const 0x60))
    (i32.store (i32.const 0x44) (i32.const 16))
    (drop (call $read (i32.const 0) (i32.const 0x40) (i32.const 1) (i32.const 0x48)))
    (call $note (i32.const 0x11c) (i32.load (i32.const 0x48)))
    (call $note (i32.const 0x11e) (call $open (i32.const 3) (i32.const 0) (i32.const 0x180)
      (i32.const 3) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0x58)))
    (call $note (i32.const 0x120)
      (call $clock (i32.const 0) (i64.const 1) (i32.const 0x60)))
    (call $note (i32.const 0x122) (call $random (i32.const 0x60) (i32.const 8)))
    (call $print (i32.const 1) (i32.const 0x180) (i32.const 8))
    (call $print (i32.const 2) (i32.const 0x188) (i32.const 4)))
  (func (export "_start")
    (drop (call $sizes (i32.const 0x50) (i32.const 0x54)))
    (if (i32.gt_u (i32.load (i32.const 0x50)) (i32.const 5))
      (then (i32.store (i32.const 0x124) (i32.load (i32.const 0x190)))))
    (call $print (i32.const 1) (i32.const 0x100) (i32.const 40))))`;
