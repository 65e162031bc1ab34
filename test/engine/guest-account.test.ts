import { describe, expect, test } from 'vitest';
import type { OwnerKey } from '../../src/names.ts';
import { MapKeyValue, World } from '../support/abi-world.ts';
import { untilHolds } from '../support/until-holds.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { waitingGuest } from './guests.ts';
import { Engine } from './world.ts';

const mib = 1024 * 1024;

class LateStore extends MapKeyValue {
  readonly #gate = Promise.withResolvers<void>();
  waiting = 0;

  override async get(): Promise<undefined> {
    this.waiting += 1;
    await this.#gate.promise;
  }

  open(): void {
    this.#gate.resolve();
  }
}

class LateWorld extends World {
  override readonly keyValue = new LateStore();
}

/** Grows by `pages`, answers what memory.grow said as one byte, then waits for the store. */
function growingGuest(pages: number): Uint8Array {
  return assemble(`(module
    (import "env" "hostcall_kvstore_get" (func $get (param i32 i32 i32 i32) (result i32)))
    (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0x100) "key")
    (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
    (func (export "run")
      (i32.store8 (i32.const 0x200)
        (i32.add (i32.const 48) (i32.lt_s (memory.grow (i32.const ${pages})) (i32.const 0))))
      (drop (call $get (i32.const 0x50) (i32.const 0x54) (i32.const 0x100) (i32.const 3)))
      (drop (call $set (i32.const 0) (i32.const 0x200) (i32.const 1)))))`);
}

/** A table of 100,000 entries that its start function changes. */
const wideTableGuest = assemble(`(module
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (table $table 99000 funcref)
  (func $some)
  (elem declare func $some)
  (start $start)
  (func $start
    (table.fill $table (i32.const 0) (ref.func $some) (i32.const 99000)))
  (func (export "run")
    (table.set $table (i32.const 7) (ref.null func))
    (drop (call $set (i32.const 0) (i32.const 0) (i32.const 1)))))`);

/** 64 pages, of which each run writes to two far from each other. */
const sparseGuest = assemble(`(module
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 64)
  (func (export "run")
    (i32.store (i32.const 0x1000) (i32.const 7))
    (i32.store (i32.const 0x3f0000) (i32.const 7))
    (drop (call $set (i32.const 0) (i32.const 0x1000) (i32.const 1)))))`);

describe('what guests hold', () => {
  test('is one owner’s as long as they run, then nobody’s while they are idle', async () => {
    const engine = new Engine();
    const loaded = engine.load(waitingGuest);
    const world = new LateWorld();
    const alice = engine.account.shareOf('/alice' as OwnerKey);
    const { report } = engine.begin(loaded, { world, owner: '/alice' });
    expect(alice.held('bytes')).toBeGreaterThan(65_536);
    expect(alice.held('memories')).toBe(1);
    world.keyValue.open();
    await report;
    expect([alice.held('bytes'), alice.held('memories')]).toEqual([0, 0]);
    expect(engine.account.heldBy('idle-guest')).toBe(engine.pool.idleBytes);
    expect(engine.account.held().memories).toBe(1);
    engine[Symbol.dispose]();
    expect(engine.account.held()).toEqual({ bytes: 0, idleBytes: 0, memories: 0 });
  });

  test('comes to nothing after any mixture of runs', async () => {
    const limits = { cpuMsMax: 20, wallMsMax: 200, runsPerSiteMax: 4, queuedRunsPerSiteMax: 4 };
    const engine = new Engine({ limits });
    const guests = ['hello', 'loop', 'trap', 'panic', 'grow-forever', 'deep-recursion', 'echo'];
    const loaded = [...guests, growingGuest(300), waitingGuest, wideTableGuest].map((guest) =>
      engine.load(guest),
    );
    // A fixed draw (a linear congruence), so that a failure can be repeated.
    let seed = 7;
    const draw = (count: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * count);
    };
    for (let round = 0; round < 6; round += 1) {
      const begun = Array.from({ length: 12 }, () => {
        const module = loaded[draw(loaded.length)];
        if (module === undefined) throw new TypeError('no such guest');
        const plan = { owner: `/${draw(3)}`, siteKey: `/${draw(3)}/a`, world: new LateWorld() };
        const run = engine.begin(module, { ...plan, body: draw(2) === 0 ? 'body' : '' });
        if (draw(4) === 0) setImmediate(() => run.exchange.goAway());
        return run.report;
      });
      const outcomes = (await Promise.all(begun)).map(({ outcome }) => outcome);
      expect(new Set(outcomes).size).toBeGreaterThan(2);
      for (const owner of ['/0', '/1', '/2']) {
        const share = engine.account.shareOf(owner as OwnerKey);
        expect([share.held('bytes'), share.held('memories')]).toEqual([0, 0]);
      }
      expect(engine.account.heldBy('idle-guest')).toBe(engine.pool.idleBytes);
    }
    engine[Symbol.dispose]();
    expect(engine.account.heldBy('idle-guest')).toBe(0);
    expect(engine.account.held()).toEqual({ bytes: 0, idleBytes: 0, memories: 0 });
  });

  test('is measured: a wide table costs megabytes, and is kept while there is room', async () => {
    using engine = new Engine();
    await engine.run(engine.load('hello'));
    expect(engine.pool.idleBytes).toBeLessThan(mib);
    const before = engine.pool.idleBytes;
    const { report } = await engine.run(engine.load(wideTableGuest));
    expect(report.outcome).toBe('replied');
    expect(engine.pool.idleBytes - before).toBeGreaterThan(2 * mib);
    using narrow = new Engine({ limits: { idleGuestBytesMax: 2 * mib } });
    await narrow.run(narrow.load(wideTableGuest));
    expect(narrow.pool.idleBytes).toBe(0);
  });

  test('is as much as all that a module exports takes', async () => {
    using engine = new Engine();
    const names = Array.from({ length: 9_000 }, (_, number) => `(export "e${number}" (func $run))`);
    const answers = '(drop (call $set (i32.const 0) (i32.const 0) (i32.const 1)))';
    const loaded = engine.load(
      assemble(`(module
        (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (func $run (export "run") ${answers}) ${names.join('')})`),
    );
    expect((await engine.run(loaded)).report.outcome).toBe('replied');
    expect(engine.pool.idleBytes).toBeGreaterThan(3 * mib);
  });

  test('is, while they are idle, what they ever wrote to, not their addresses', async () => {
    using engine = new Engine();
    const loaded = engine.load(sparseGuest);
    await engine.run(loaded);
    const idleBytes = engine.pool.idleBytes;
    expect(idleBytes).toBeLessThan(16 * 4_096 + 64 * 1024);
    await engine.run(loaded);
    expect(engine.pool.idleBytes).toBe(idleBytes);
    await engine.run(loaded, { owner: '/alice' });
    expect(engine.account.shareOf('/alice' as OwnerKey).held('bytes')).toBe(0);
    expect(engine.account.heldBy('idle-guest')).toBe(idleBytes);
  });

  test('includes first states, which go with the last guest', async () => {
    const engine = new Engine();
    const filled = engine.load(
      assemble(`(module
        (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
        (memory (export "memory") 64)
        (data (i32.const 100) "the beginning")
        (data (i32.const 4194000) "the end")
        (func (export "run") (drop (call $set (i32.const 0) (i32.const 0) (i32.const 1)))))`),
    );
    expect((await engine.run(filled)).report.outcome).toBe('replied');
    expect(engine.account.heldBy('memory')).toBeGreaterThan(3.9 * mib);
    engine[Symbol.dispose]();
    expect(engine.account.heldBy('memory')).toBe(0);
  });

  test('idleGuestMsMax: a guest that nobody wants goes', async () => {
    using engine = new Engine({ limits: { idleGuestMsMax: 20 } });
    await engine.run(engine.load('hello'));
    await untilHolds(() => expect(engine.pool.idleBytes).toBe(0));
    expect((await engine.run(engine.load('hello'))).text).toBe('hello\n');
  });
});

describe('shares of memory', () => {
  test('growth is refused to the owner who holds most, and new work of that owner', async () => {
    // Three quarters can be held, and two thirds of that by one.
    using engine = new Engine({ bytesMax: 64 * mib });
    const loaded = engine.load(growingGuest(160));
    const world = new LateWorld();
    const greedy = Array.from({ length: 5 }, (_, each) =>
      engine.begin(loaded, { world, owner: '/mallory', siteKey: `/mallory/${each}` }),
    );
    await untilHolds(() => expect(world.keyValue.waiting).toBe(5));
    expect(engine.account.held().bytes).toBeLessThan(33 * mib);
    expect(engine.account.held().bytes).toBeGreaterThan(30 * mib);
    const another = await engine.run(engine.load(waitingGuest), { owner: '/alice' });
    expect(another.report.outcome).toBe('replied');
    world.keyValue.open();
    const answers = await Promise.all(greedy.map(({ report }) => report));
    expect(answers.map(({ outcome }) => outcome)).toContain('replied');
    const grown = greedy.map(({ exchange }) => Buffer.from(exchange.sent?.body ?? []).toString());
    expect(grown.filter((text) => text === '0')).toHaveLength(3);
    expect(grown.filter((text) => text === '1')).toHaveLength(2);
  });

  test('new work of the owner who holds most is refused; taken when some has ended', async () => {
    using engine = new Engine({ bytesMax: 64 * mib });
    const loaded = engine.load(assembleLarge(16 * mib));
    const world = new LateWorld();
    const running = [0, 1].map(() => engine.begin(loaded, { world, owner: '/mallory' }));
    await untilHolds(() => expect(world.keyValue.waiting).toBe(2));
    const { report } = await engine.run(loaded, { world, owner: '/mallory' });
    expect(report).toMatchObject({ outcome: 'refused', error: { code: 'overloaded' } });
    expect(report.error?.detail).toContain('memory is short');
    expect((await engine.run(engine.load('hello'), { owner: '/alice' })).text).toBe('hello\n');
    world.keyValue.open();
    for (const run of running) expect((await run.report).outcome).toBe('replied');
    const again = await engine.run(loaded, { world, owner: '/mallory' });
    expect(again.report.outcome).toBe('replied');
  });

  test('no owner has all memories', async () => {
    using engine = new Engine({ limits: { instancesMax: 30 } });
    const loaded = engine.load(waitingGuest);
    const world = new LateWorld();
    const runs = Array.from({ length: 30 }, (_, each) =>
      engine.begin(loaded, { world, owner: '/mallory', siteKey: `/mallory/${each}` }),
    );
    let refused = 0;
    for (const { report } of runs) void report.then(() => (refused += 1));
    await untilHolds(() => expect(world.keyValue.waiting).toBe(20));
    // All others have been refused: none waits for its turn until memories are free again.
    await untilHolds(() => expect(refused).toBe(10));
    expect(engine.account.shareOf('/mallory' as OwnerKey).held('memories')).toBe(20);
    expect((await engine.run(engine.load('hello'), { owner: '/alice' })).text).toBe('hello\n');
    world.keyValue.open();
    const outcomes = (await Promise.all(runs.map(({ report }) => report))).map((r) => r.outcome);
    expect(outcomes.filter((outcome) => outcome === 'replied')).toHaveLength(20);
  });
});

/** Has so much memory from the start, and waits for the store. */
function assembleLarge(bytes: number): Uint8Array {
  return assemble(`(module
    (import "env" "hostcall_kvstore_get" (func $get (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") ${bytes / 65_536})
    (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
    (func (export "run")
      (drop (call $get (i32.const 0x50) (i32.const 0x54) (i32.const 0x100) (i32.const 3)))))`);
}

describe('what the host keeps for a run', () => {
  /** Sets a body of `bytes`, then waits for the store. */
  const bodyGuest = (bytes: number): Uint8Array =>
    assemble(`(module
      (import "env" "hostcall_kvstore_get" (func $get (param i32 i32 i32 i32) (result i32)))
      (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
      (memory (export "memory") ${bytes / 65_536})
      (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
      (func (export "run")
        (drop (call $set (i32.const 0) (i32.const 0) (i32.const ${bytes})))
        (drop (call $set (i32.const 0) (i32.const 0) (i32.const ${bytes})))
        (drop (call $get (i32.const 0x50) (i32.const 0x54) (i32.const 0x100) (i32.const 3)))))`);

  test('is on its owner’s account until the run is over', async () => {
    using engine = new Engine();
    const world = new LateWorld();
    const { report } = engine.begin(engine.load(bodyGuest(4 * mib)), { world, owner: '/alice' });
    await untilHolds(() => expect(world.keyValue.waiting).toBe(1));
    expect(engine.account.heldBy('run')).toBe(4 * mib);
    world.keyValue.open();
    expect((await report).outcome).toBe('replied');
    expect(engine.account.heldBy('run')).toBe(0);
    expect(engine.account.shareOf('/alice' as OwnerKey).held('bytes')).toBe(0);
  });

  test('is refused, and answered 503, where its owner holds most', async () => {
    using engine = new Engine({ bytesMax: 64 * mib });
    const other = engine.account.shareOf('/mallory' as OwnerKey);
    other.charge('memory', 28 * mib);
    const world = new LateWorld();
    world.keyValue.open();
    const loaded = engine.load(bodyGuest(4 * mib));
    const { report } = await engine.run(loaded, { world, owner: '/mallory' });
    expect(report.error?.code).toBe('overloaded');
    expect((await engine.run(loaded, { world, owner: '/alice' })).report.outcome).toBe('replied');
    other.release('memory', 28 * mib);
    expect((await engine.run(loaded, { world, owner: '/mallory' })).report.outcome).toBe('replied');
    expect(engine.account.heldBy('run')).toBe(0);
  });
});
