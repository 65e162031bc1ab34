/** Guests that are put back after their run has let go of the thread, which others have by then. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { KeyValueStore } from '../../src/capability/kv/contract.ts';
import { Snapshot } from '../../src/engine/restore/snapshot.ts';
import { glanceAt } from '../../src/threads/ledger.ts';
import { MapKeyValue, World } from '../support/abi-world.ts';
import { untilHolds } from '../support/until-holds.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { answerOf, Engine } from './world.ts';

/** Waits, writes, waits, and tells whether somebody had written before. */
const sleeper = assemble(`(module
  (import "env" "hostcall_kvstore_get" (func $get (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 0x110) "clean")
  (data (i32.const 0x120) "dirty")
  (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
  (func $wait (drop (call $get (i32.const 0x50) (i32.const 0x54) (i32.const 0x100) (i32.const 5))))
  (func (export "run") (local $was i32)
    (local.set $was (i32.load8_u (i32.const 0x20000)))
    (call $wait)
    (i32.store8 (i32.const 0x20000) (i32.const 1))
    (call $wait)
    (drop (call $set (i32.const 0)
      (select (i32.const 0x120) (i32.const 0x110) (local.get $was)) (i32.const 5)))))`);

/** Leaves a new file of /data open, which is stored when its code has ended. */
const keeper = (pages: number): Uint8Array =>
  assemble(`(module
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write"
      (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") ${pages})
    (data (i32.const 16) "kept")
    (data (i32.const 32) "content-type: text/plain\\n\\nkept")
    (func (export "_start")
      (memory.fill (i32.const 4096) (i32.const 7) (i32.const ${pages * 65_536 - 4_096}))
      (if (call $open (i32.const 5) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 1)
            (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 64))
        (then unreachable))
      (i32.store (i32.const 0) (i32.const 32))
      (i32.store (i32.const 4) (i32.const 30))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`);

/** What is waited for comes when the test says so, some turns of the queue of microtasks later. */
class Gate {
  readonly #opened = Promise.withResolvers<void>();
  isReached = false;

  open(): void {
    this.#opened.resolve();
  }

  async pass(hops = 0): Promise<void> {
    this.isReached = true;
    await this.#opened.promise;
    for (let hop = 0; hop < hops; hop += 1) await undefined;
  }
}

class SleeperStore extends MapKeyValue {
  readonly #waits: (() => Promise<void>)[];

  constructor(waits: readonly (() => Promise<void>)[]) {
    super();
    this.#waits = [...waits];
  }

  override async get(): Promise<undefined> {
    await this.#waits.shift()?.();
  }
}

class SleeperWorld extends World {
  override readonly keyValue: MapKeyValue;

  constructor(...waits: readonly (() => Promise<void>)[]) {
    super();
    this.keyValue = new SleeperStore(waits);
  }
}

function keeperWorld(change: () => Promise<void>): World {
  const store: KeyValueStore = {
    read: async (keys) => keys.map(() => undefined),
    change: async () => {
      await change();
      return { kind: 'done', before: 0, revision: 1 };
    },
    commit: async () => true,
    list: async () => ({ keys: [], sizes: [], isLast: true }),
  };
  const world = new World();
  world.keyValue.data = store;
  return world;
}

describe('a guest whose run ended without the thread', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test('is put back beside one that goes on, whose stores are not lost', async () => {
    // A slice nobody uses up: guests go on as soon as their answer is there.
    using engine = new Engine({ restoreMode: 'cards', limits: { sliceMs: 1_000 } });
    const [sleeps, keeps] = [engine.load(sleeper), engine.load(keeper(4))];
    for (let hops = -16; hops < 16; hops += 1) {
      const [first, second, stored] = [new Gate(), new Gate(), new Gate()];
      const waiting = engine.begin(sleeps, {
        world: new SleeperWorld(
          () => first.pass(Math.max(0, -hops)),
          () => second.pass(),
        ),
      });
      const ending = engine.begin(keeps, {
        world: keeperWorld(() => stored.pass(Math.max(0, hops))),
      });
      await untilHolds(() => expect([first.isReached, stored.isReached]).toEqual([true, true]));
      stored.open();
      first.open();
      expect(answerOf(ending.exchange, await ending.report).text).toBe('kept');
      await untilHolds(() => expect(second.isReached).toBe(true));
      expect((await engine.run(sleeps, { world: new SleeperWorld() })).text).toBe('clean');
      second.open();
      expect(answerOf(waiting.exchange, await waiting.report).text).toBe('clean');
      const next = await engine.run(sleeps, { world: new SleeperWorld() });
      expect({ hops, text: next.text }).toEqual({ hops, text: 'clean' });
    }
  });

  test('has what is large of it put back on turns of its own', async () => {
    using engine = new Engine({ restoreMode: 'copy' });
    const keeps = engine.load(keeper(64));
    const { takeRest } = Snapshot.prototype;
    const isRunning: boolean[] = [];
    vi.spyOn(Snapshot.prototype, 'takeRest').mockImplementation(function* (this: Snapshot) {
      for (const piece of takeRest.call(this) ?? []) {
        isRunning.push(glanceAt(engine.ledger, 0).running !== undefined);
        yield piece;
      }
    });
    expect((await engine.run(keeps, { world: keeperWorld(async () => undefined) })).text).toBe(
      'kept',
    );
    expect(isRunning.length).toBeGreaterThan(1);
    expect(isRunning).not.toContain(false);
    expect(engine.pool.idleCount).toBe(1);
  });
});
