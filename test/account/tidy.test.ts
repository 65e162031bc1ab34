import { measureMemory } from 'node:vm';
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

  /** Whether a look has garbage collected. */
  async collects(): Promise<boolean> {
    const before = this.other.collections;
    this.#tidy.look();
    await collected();
    return this.other.collections > before;
  }
}

/** V8 measures in the order in which it is asked: a collection that was begun before is over. */
async function collected(): Promise<void> {
  await measureMemory({ mode: 'summary', execution: 'eager' });
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

  test('trims once after a collection, and again after one that came late', async () => {
    const world = new World();
    world.look(20);
    expect(world.trims).toBe(0);
    world.askForCollection();
    expect(await world.collects()).toBe(true);
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
