import { describe, expect, test } from 'vitest';
import type { Timer } from '../../src/capability/clock/contract.ts';
import type { RestoreMode } from '../../src/engine/restore/snapshot.ts';
import { MapKeyValue, World } from '../support/abi-world.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { isolationGuests } from './isolation-guests.ts';
import { answerOf, Engine } from './world.ts';

const modes: readonly (RestoreMode | 'never')[] = ['copy', 'cards', 'copy-on-write', 'never'];
const hasPages = process.platform === 'linux';

/** A world whose store and timer answer when the test says so. */
class LateWorld extends World {
  readonly #gate = Promise.withResolvers<void>();
  /** Turns of the microtask queue from the opening to the answer. */
  hops = 0;
  override readonly keyValue = new LateStore(() => this.#opened());
  override readonly timer: Timer = {
    resolutionNs: 100_000n,
    nowNs: () => 0n,
    start: (_, onDue) => {
      void this.#opened().then(onDue);
      return () => undefined;
    },
  };

  open(): void {
    this.#gate.resolve();
  }

  async #opened(): Promise<void> {
    await this.#gate.promise;
    for (let hop = 0; hop < this.hops; hop += 1) await undefined;
  }
}

class LateStore extends MapKeyValue {
  readonly #opened: () => Promise<void>;

  constructor(opened: () => Promise<void>) {
    super();
    this.#opened = opened;
  }

  override async get(): Promise<Uint8Array> {
    await this.#opened();
    return Buffer.alloc(20_000, 'late');
  }
}

describe.each(isolationGuests)('isolation of $abi guests', ({ writer, sleeper }) => {
  describe.each(modes)('restored by %s', (restoreMode) => {
    test.skipIf(restoreMode === 'copy-on-write' && !hasPages)(
      'an answer written while another guest is about to go on disturbs neither',
      async () => {
        // A slice nobody uses up: guests go on as soon as their answer is there.
        using engine = new Engine({ restoreMode, limits: { sliceMs: 1_000 } });
        const loaded = engine.load(assemble(sleeper));
        for (let hops = 0; hops < 12; hops += 1) {
          const worlds = [new LateWorld(), new LateWorld()];
          const runs = worlds.map((world) => engine.begin(loaded, { world }));
          const [early, late] = worlds;
          if (late !== undefined) late.hops = hops;
          early?.open();
          late?.open();
          for (const { exchange, report } of runs) {
            expect(answerOf(exchange, await report).text).toBe('clean\n');
          }
        }
      },
    );

    test.skipIf(restoreMode === 'copy-on-write' && !hasPages)(
      'a run that wrote everything it can leaves nothing that the next can see',
      async () => {
        using engine = new Engine({ restoreMode });
        const loaded = engine.load(assemble(writer));
        for (let run = 0; run < 6; run += 1) {
          const body = `secret of visitor ${run} `.repeat(1 + run * 400);
          const { text, report } = await engine.run(loaded, { body });
          expect({ run, text, error: report.error }).toEqual({ run, text: 'clean\n' });
          expect(engine.pool.idleBytes > 0).toBe(restoreMode !== 'never');
        }
        if (restoreMode !== 'never') expect(engine.modeOf(loaded)).toBe(restoreMode);
      },
    );

    test.skipIf(restoreMode === 'copy-on-write' && !hasPages)(
      'guests that wait on one thread at the same time keep and leave their own',
      async () => {
        using engine = new Engine({ restoreMode });
        const loaded = engine.load(assemble(sleeper));
        const other = engine.load(assemble(writer));
        for (let round = 0; round < 3; round += 1) {
          const worlds = Array.from({ length: 4 }, () => new LateWorld());
          const runs = worlds.map((world, index) => {
            const body = `body ${index} `.repeat(1_000);
            return engine.begin(loaded, { target: `/guest.wasm/${index}`, body, world });
          });
          expect((await engine.run(other)).text).toBe('clean\n');
          // Out of order: answers come while others of the thread are in the middle of their run.
          for (const index of [2, 0, 3, 1]) {
            worlds[index]?.open();
            if (index === 0) expect((await engine.run(other)).text).toBe('clean\n');
          }
          for (const { exchange, report } of runs) {
            expect(answerOf(exchange, await report).text).toBe('clean\n');
          }
        }
      },
    );

    test.skipIf(restoreMode === 'copy-on-write' && !hasPages)(
      'what a guest wrote before it was given up is seen by nobody',
      async () => {
        using engine = new Engine({ restoreMode });
        const loaded = engine.load(assemble(sleeper));
        for (let round = 0; round < 3; round += 1) {
          const world = new LateWorld();
          const lost = engine.begin(loaded, { body: 'b'.repeat(9_000), world });
          lost.exchange.goAway();
          expect((await lost.report).outcome).toBe('abandoned');
          world.open();
          const next = new LateWorld();
          next.open();
          expect((await engine.run(loaded, { world: next })).text).toBe('clean\n');
        }
      },
    );
  });
});
