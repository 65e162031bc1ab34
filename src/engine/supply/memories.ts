/**
 * Makes linear memories within the process's stock of them: every one reserves 8 GiB of addresses,
 * and some 16,000 exhaust what V8 can have, over all threads (docs/spec/engine.md, A6). The stock
 * is shared by owner, like bytes: nobody takes all of it, however many sites and connections it
 * has.
 */
import type { Account } from '../../account/account.ts';
import type { Share } from '../../account/share.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { Program } from '../../threads/program.ts';
import { noSupplyCounts, type SupplyCounter } from './counts.ts';

export type MemoryPlan = Pick<Program['memories'][number], 'pagesMin' | 'pagesMax' | 'is64'>;

export interface MemoryStockOptions {
  readonly account: Account;
  /** Memories at once, over all threads. */
  readonly memoriesMax: number;
  /** Gives up one idle guest of this thread; false when there is none. */
  readonly evictOne: () => boolean;
}

/** Of the stock, so much may be in use before idle guests are given up. */
const idleShareMax = 3 / 4;

export class MemoryStock {
  /** Of the instances that its memories were for. */
  readonly counts: SupplyCounter = { ...noSupplyCounts };
  readonly #options: MemoryStockOptions;

  constructor(options: MemoryStockOptions) {
    this.#options = options;
  }

  /**
   * Takes `count` memories for `share` out of the stock, giving up idle guests for them.
   *
   * @throws TerrafirmaError `overloaded`.
   */
  take(share: Share, count: number): void {
    while (!share.allows('memories', count)) this.#evictFor(share, count);
    share.addMemories(count);
  }

  /**
   * The same for an instance that may stay for hours: it leaves to requests what idle guests do.
   *
   * @throws TerrafirmaError `overloaded`.
   */
  takeToStay(share: Share, count: number): void {
    const { account, memoriesMax } = this.#options;
    while (account.memoriesHeld + count > memoriesMax * idleShareMax) {
      this.#evictFor(share, count);
    }
    this.take(share, count);
  }

  #evictFor(share: Share, count: number): void {
    const { memoriesMax, evictOne } = this.#options;
    if (evictOne()) return;
    throw new TerrafirmaError(
      'overloaded',
      `Cannot start the function now: all instances together may have ${memoriesMax} memories, ` +
        'and those of one owner no larger part of them than is left for others: received ' +
        `${share.held('memories') + count}`,
    );
  }

  /**
   * Whether guests may be kept idle. No thread can take back what another keeps: so when the stock
   * runs low nobody keeps any, and what is left is for those that run.
   */
  get allowsIdle(): boolean {
    const { account, memoriesMax } = this.#options;
    return account.memoriesHeld <= memoriesMax * idleShareMax;
  }

  /**
   * Memories, zeroed. Those of an instance have been taken out of the stock before.
   *
   * @throws TerrafirmaError `overloaded` when V8 has no addresses left.
   */
  create(plans: readonly MemoryPlan[]): readonly WebAssembly.Memory[] {
    for (;;) {
      try {
        return plans.map(createMemory);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        if (this.#options.evictOne()) continue;
        throw new TerrafirmaError(
          'overloaded',
          `Cannot start the function now: no memory could be reserved: received ${error.message}`,
          { cause: error },
        );
      }
    }
  }
}

function createMemory({ pagesMin, pagesMax, is64 }: MemoryPlan): WebAssembly.Memory {
  if (!is64) return new WebAssembly.Memory({ initial: pagesMin, maximum: pagesMax });
  return new WebAssembly.Memory({
    initial: BigInt(pagesMin),
    maximum: BigInt(pagesMax),
    address: 'i64',
  });
}
