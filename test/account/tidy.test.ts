import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Account } from '../../src/account/account.ts';
import { createSharedAccount, headerWord } from '../../src/account/shared.ts';
import { Tidy } from '../../src/account/tidy.ts';

/** A thread that is as busy as it is told, and something that only a collection takes away. */
class World {
  isBusy = false;
  isResting = false;
  heapBytes = 0;
  trims = 0;
  /** Another thread's. */
  readonly other: Account;
  readonly #words: Float64Array;
  readonly #tidy: Tidy;

  constructor(bytesMax = 8 * 1024 ** 3) {
    const shared = createSharedAccount({ threads: 1, bytesMax, memoriesMax: 10 });
    this.#words = new Float64Array(shared);
    this.#tidy = new Tidy(new Account(shared, 0), {
      trimsToo: true,
      utilization: () => (this.isBusy ? 0.6 : this.isResting ? 0.05 : 0.4),
      heapBytes: () => this.heapBytes,
      trim: () => {
        this.trims += 1;
      },
    });
    this.other = new Account(shared, 'control');
  }

  askForCollection(): void {
    this.#words[headerWord.collectRounds] = (this.#words[headerWord.collectRounds] ?? 0) + 1;
  }

  look(times: number): void {
    for (let count = 0; count < times; count += 1) this.#tidy.look();
  }

  /** So much lies outside of the account. */
  fill(bytes: number): void {
    this.#words[headerWord.outsideBytes] = bytes;
  }

  /** Whether a look collects garbage: of V8's own accord it never collects by force. */
  async collects(): Promise<boolean> {
    let isForced = false;
    const observer = new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries() as readonly { readonly detail?: unknown }[]) {
        const flags = (detail as { readonly flags: number }).flags;
        isForced ||= (flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0;
      }
    });
    observer.observe({ entryTypes: ['gc'] });
    this.#tidy.look();
    await nextTurn();
    observer.disconnect();
    return isForced;
  }
}

/** Entries are handed over in a turn of their own. */
async function nextTurn(): Promise<void> {
  await setImmediate();
  await setImmediate();
}

describe('Tidy', () => {
  test('collects once for each time it is asked', async () => {
    const world = new World();
    expect(await world.collects()).toBe(false);
    world.askForCollection();
    expect(await world.collects()).toBe(true);
    expect(await world.collects()).toBe(false);
  });

  test('waits until a busy thread has less to do', async () => {
    const world = new World();
    world.askForCollection();
    world.isBusy = true;
    expect(await world.collects()).toBe(false);
    world.isBusy = false;
    expect(await world.collects()).toBe(true);
  });

  test('looks through a large heap once the thread rests', async () => {
    const world = new World();
    world.heapBytes = 300 * 1024 ** 2;
    world.askForCollection();
    expect(await world.collects()).toBe(false);
    world.isResting = true;
    expect(await world.collects()).toBe(true);
  });

  test('looks through a large heap while memory is short', async () => {
    const world = new World(1024);
    world.fill(2048);
    world.heapBytes = 300 * 1024 ** 2;
    world.askForCollection();
    expect(await world.collects()).toBe(true);
  });

  test('does not wait while memory is short', async () => {
    const world = new World(1024);
    world.fill(2048);
    world.isBusy = true;
    world.askForCollection();
    expect(await world.collects()).toBe(true);
  });

  test('trims once after a collection, and again after one that came late', () => {
    const world = new World();
    world.look(20);
    expect(world.trims).toBe(0);
    world.askForCollection();
    world.look(5);
    expect(world.trims).toBe(0);
    world.look(15);
    expect(world.trims).toBe(1);
    world.other.noteCollection();
    world.look(3);
    world.other.noteCollection();
    world.look(5);
    expect(world.trims).toBe(1);
    world.look(15);
    expect(world.trims).toBe(2);
  });

  test('tells how busy the thread is', () => {
    const world = new World();
    world.isBusy = true;
    world.look(1);
    expect(world.other.utilization).toBe(0.6);
    world.other.noteUtilization(1);
    expect(world.other.utilization).toBe(0.6);
  });
});
