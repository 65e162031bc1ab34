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

/** A heap that is full of living objects takes long to look through, and collects by itself. */
const heapBytesMax = 256 * 1024 * 1024;

export class Tidy {
  readonly #account: Account;
  readonly #trimsToo: boolean;
  #collected: number;
  #trimmed: number;
  #collect: (() => void) | undefined;
  #trim: (() => void) | undefined;

  /** `trimsToo`: for one thread of the process. */
  constructor(account: Account, { trimsToo }: { readonly trimsToo: boolean }) {
    this.#account = account;
    this.#trimsToo = trimsToo;
    this.#collected = account.tidyRounds.collect;
    this.#trimmed = account.tidyRounds.trim;
  }

  /** To be called every moment, while no guest runs. */
  look(): void {
    const { collect, trim } = this.#account.tidyRounds;
    if (collect !== this.#collected) {
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
