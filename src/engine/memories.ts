/**
 * Makes linear memories within the process's stock of them: every one reserves 8 GiB of addresses,
 * and some 16,000 exhaust what V8 can have, over all threads (engine rule A6).
 */
import { TerrafirmaError } from '../errors.ts';
import type { LedgerPage } from '../ledger.ts';
import type { FormFacts } from '../messages.ts';

export type MemoryPlan = Pick<FormFacts['memories'][number], 'pagesMin' | 'pagesMax' | 'is64'>;

export interface MemoryStockOptions {
  readonly page: LedgerPage;
  /** Memories at once, over all threads. */
  readonly memoriesMax: number;
  /** Gives up one idle guest of this thread; false when there is none. */
  readonly evictOne: () => boolean;
}

/** Of the stock, so much may be in use before idle guests are given up. */
const idleShareMax = 3 / 4;

export class MemoryStock {
  readonly #options: MemoryStockOptions;

  constructor(options: MemoryStockOptions) {
    this.#options = options;
  }

  /**
   * Takes `count` memories out of the stock, giving up idle guests for them.
   *
   * @throws TerrafirmaError `overloaded`.
   */
  take(count: number): void {
    this.#takeUpTo(this.#options.memoriesMax, count);
  }

  /**
   * The same for an instance that may stay for hours: it leaves to requests what idle guests do.
   *
   * @throws TerrafirmaError `overloaded`.
   */
  takeToStay(count: number): void {
    this.#takeUpTo(Math.floor(this.#options.memoriesMax * idleShareMax), count);
  }

  #takeUpTo(memoriesMax: number, count: number): void {
    const { page, evictOne } = this.#options;
    while (!page.takeMemories(count, memoriesMax)) {
      if (evictOne()) continue;
      throw new TerrafirmaError(
        'overloaded',
        `Cannot start the function now: all instances together may have ${memoriesMax} memories: ` +
          `received ${count} more`,
      );
    }
  }

  /**
   * Whether guests may be kept idle. No thread can take back what another keeps: so when the stock
   * runs low nobody keeps any, and what is left is for those that run.
   */
  get allowsIdle(): boolean {
    const { page, memoriesMax } = this.#options;
    return page.takeMemories(0, memoriesMax * idleShareMax);
  }

  return(count: number): void {
    this.#options.page.returnMemories(count);
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
