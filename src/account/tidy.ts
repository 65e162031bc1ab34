/**
 * Gives memory back that nobody holds any more. V8 collects when it allocates, so that a thread
 * with nothing to do keeps the garbage of an attack for ever; and what it frees stays in the arenas
 * of the C library (measured: 1,346 MB after a flood of bodies, 307 after a collection, 78 after
 * trimming). The overseer says when; each thread collects its own, and one trims for all. Touches
 * V8's flags, and the C library through `node:ffi`.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Account } from './account.ts';

export interface TidyOptions {
  /** For one thread of the process. */
  readonly trimsToo: boolean;
  /** Whether the thread has had much to do since it was last asked; for tests. */
  readonly isBusy?: (() => boolean) | undefined;
}

/** Of the time since the last look, in which a thread with little to do was at work. */
const busyShare = 0.5;
/** A heap that is full of living objects takes long to look through, and collects by itself. */
const heapBytesMax = 256 * 1024 * 1024;

export class Tidy {
  readonly #account: Account;
  readonly #trimsToo: boolean;
  readonly #isBusy: () => boolean;
  #collected: number;
  #trimmed: number;
  #collect: (() => void) | undefined;
  #trim: (() => void) | undefined;

  constructor(account: Account, { trimsToo, isBusy = watchBusiness() }: TidyOptions) {
    this.#account = account;
    this.#trimsToo = trimsToo;
    this.#isBusy = isBusy;
    this.#collected = account.tidyRounds.collect;
    this.#trimmed = account.tidyRounds.trim;
  }

  /** To be called every moment, while no guest runs. */
  look(): void {
    const { collect, trim } = this.#account.tidyRounds;
    // A busy thread allocates, and so V8 collects by itself: it would only be held up.
    const isDue = !this.#isBusy() || this.#account.isShort;
    if (collect !== this.#collected && isDue) {
      this.#collected = collect;
      this.#collectGarbage();
    }
    if (trim !== this.#trimmed && this.#trimsToo) {
      this.#trimmed = trim;
      this.#trim ??= openTrim();
      this.#trim();
    }
  }

  #collectGarbage(): void {
    if (getHeapStatistics().used_heap_size > heapBytesMax) return;
    this.#collect ??= openCollector();
    this.#collect();
  }
}

function watchBusiness(): () => boolean {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization > busyShare;
  };
}

/** V8's own function, which it shows to new contexts once it was told to. */
function openCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** Where there is no FFI, or another C library, nothing is trimmed: the memory is used again. */
function openTrim(): () => void {
  try {
    const ffi = process.getBuiltinModule('node:ffi');
    const signatures = { malloc_trim: { return: 'i32', arguments: ['u64'] } } as const;
    const { malloc_trim: trim } = ffi.dlopen(null, signatures).functions;
    return () => trim(0n);
  } catch {
    return () => undefined;
  }
}
