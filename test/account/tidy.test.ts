import { describe, expect, test } from 'vitest';
import { Account } from '../../src/account/account.ts';
import { createSharedAccount, headerWord } from '../../src/account/shared.ts';
import { Tidy } from '../../src/account/tidy.ts';

/** A thread that is as busy as it is told, and something that only a collection takes away. */
class World {
  isBusy = false;
  readonly #words: Float64Array;
  readonly #tidy: Tidy;

  constructor(bytesMax = 8 * 1024 ** 3) {
    const shared = createSharedAccount({ threads: 1, bytesMax, memoriesMax: 10 });
    this.#words = new Float64Array(shared);
    this.#tidy = new Tidy(new Account(shared, 0), {
      trimsToo: false,
      isBusy: () => this.isBusy,
    });
  }

  askForCollection(): void {
    this.#words[headerWord.collectRounds] = (this.#words[headerWord.collectRounds] ?? 0) + 1;
  }

  /** So much lies outside of the account. */
  fill(bytes: number): void {
    this.#words[headerWord.outsideBytes] = bytes;
  }

  /** Whether a look collects garbage. */
  async collects(): Promise<boolean> {
    const garbage = new WeakRef({});
    await nextTurn();
    this.#tidy.look();
    return garbage.deref() === undefined;
  }
}

/** What a WeakRef was made of or asked for stays until the turn is over. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
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

  test('does not wait while memory is short', async () => {
    const world = new World(1024);
    world.fill(2048);
    world.isBusy = true;
    world.askForCollection();
    expect(await world.collects()).toBe(true);
  });
});
