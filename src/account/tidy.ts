/**
 * Gives memory back that nobody holds any more. V8 collects when it allocates, so that a thread
 * with nothing to do keeps the garbage of an attack for ever; and what it frees stays in the arenas
 * of the C library (measured: 1,346 MB after a flood of bodies, 307 after a collection, 78 after
 * trimming). The overseer says when; each thread collects its own when it has the time, and after
 * each collection one trims for all. Touches V8's flags, and the C library through `node:ffi`.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { measureMemory, runInNewContext } from 'node:vm';
import type { Account } from './account.ts';
import { TickShape } from './tick-shape.ts';

export interface TidyOptions {
  /** For one thread of the process. */
  readonly trimsToo: boolean;
  /** Of the thread's time since it was last asked, in which it was at work; for tests. */
  readonly utilization?: (() => number) | undefined;
  /** Of the thread's heap, garbage included; for tests. */
  readonly heapBytes?: (() => number) | undefined;
  /** Gives freed memory back to the system; for tests. */
  readonly trim?: (() => void) | undefined;
}

/** Of the time since the last look, in which a thread with little to do was at work. */
const busyShare = 0.5;
/** Of a thread that does next to nothing: however long a collection takes, nobody waits for it. */
const restingShare = 0.1;
/** A heap that may be full of living objects takes long to look through. */
const largeHeapBytesMin = 256 * 1024 * 1024;
/** V8 lets go of buffers on other threads, some time after the collection. */
const looksToTrim = 5;

export class Tidy {
  readonly #account: Account;
  readonly #trimsToo: boolean;
  readonly #utilization: () => number;
  readonly #heapBytes: () => number;
  /** The last of the overseer's rounds that was done. */
  #round: number;
  /** What all threads together had collected at the last look. */
  #collections: number;
  #looksUntilTrim = 0;
  #isCollecting = false;
  #collect: (() => void) | undefined;
  #trim: (() => void) | undefined;
  /** What a collection must not forget, V8's own neither. */
  readonly tickShape = new TickShape();

  constructor(account: Account, options: TidyOptions) {
    this.#account = account;
    this.#trimsToo = options.trimsToo;
    this.#utilization = options.utilization ?? watchUtilization();
    this.#heapBytes = options.heapBytes ?? usedHeapBytes;
    this.#trim = options.trim;
    this.#round = account.collectRounds;
    this.#collections = account.collections;
  }

  /** To be called every moment, while no guest runs. */
  look(): void {
    const { collectRounds, isShort } = this.#account;
    const utilization = this.#utilization();
    this.#account.noteUtilization(utilization);
    if (collectRounds !== this.#round && !this.#isCollecting) {
      if (isShort) this.#collectNow(collectRounds);
      else if (this.#hasTime(utilization)) this.#collectCalmly(collectRounds);
    }
    if (this.#trimsToo) this.#lookToTrim();
  }

  /** Some time after the last collection: those that were busy collect later than the others. */
  #lookToTrim(): void {
    const { collections } = this.#account;
    if (collections !== this.#collections) {
      this.#collections = collections;
      this.#looksUntilTrim = looksToTrim;
    } else if (this.#looksUntilTrim > 0) {
      this.#looksUntilTrim -= 1;
      if (this.#looksUntilTrim > 0) return;
      this.#trim ??= openTrim();
      this.#trim();
    }
  }

  /**
   * A busy thread allocates, and so V8 collects by itself: it would only be held up. One with a
   * large heap waits until it rests: 630 MB of discarded tables, of which V8 says no more than that
   * they are there, would lie about for ever.
   */
  #hasTime(utilization: number): boolean {
    if (utilization <= restingShare) return true;
    return utilization <= busyShare && this.#heapBytes() < largeHeapBytesMin;
  }

  /** At once, and V8 compiles anew what it had optimised for objects of which none is alive. */
  #collectNow(round: number): void {
    this.#round = round;
    this.#collect ??= openCollector();
    this.#collect();
    this.#account.noteCollection();
  }

  /**
   * In the usual way of V8: in steps, and it keeps the shapes of objects that its optimised code
   * stands on. A collection by force between two requests, when none of their objects is alive,
   * has all code that serves them thrown away.
   */
  #collectCalmly(round: number): void {
    this.#round = round;
    this.#isCollecting = true;
    const finish = (): void => {
      this.#isCollecting = false;
      this.#account.noteCollection();
    };
    // What it tells is not asked for: that it is told follows a collection.
    measureMemory({ mode: 'summary', execution: 'eager' }).then(finish, finish);
  }
}

function usedHeapBytes(): number {
  return getHeapStatistics().used_heap_size;
}

function watchUtilization(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
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
