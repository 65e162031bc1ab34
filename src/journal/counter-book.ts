/**
 * Which module has which row of the counters, and what all threads have counted: the control
 * plane's side. Modules beyond `rowsMax` share the row of the others: what is counted is bounded,
 * however many modules strangers deploy.
 */
import type { FolderKey, ModulePath } from '../names.ts';
import { counterPlace, counterRowWords, durationBucketsS, outcomes } from './counter-fields.ts';
import { createCounterPage, otherRow } from './counters.ts';

export interface CounterBookOptions {
  readonly threads: number;
  /** Modules with a row of their own. */
  readonly rowsMax: number;
  readonly nowMs: () => number;
}

/** What was counted of one module, over all threads, since its row was given out. */
export interface Counted {
  /** Undefined in the row of the others. */
  readonly folderKey: FolderKey | undefined;
  readonly modulePath: ModulePath | undefined;
  readonly requests: ReadonlyMap<string, number>;
  /** A request is in the first bucket whose end it does not pass; the last has no end. */
  readonly durations: readonly number[];
  readonly durationSumUs: number;
  readonly guestCpuUs: number;
  readonly memoryPeakBytes: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** One row, added up over all threads. */
export interface CountedRow {
  readonly row: number;
  /** Undefined in the row of the others. */
  readonly folderKey: FolderKey | undefined;
  readonly modulePath: ModulePath | undefined;
  readonly words: Float64Array;
}

interface Place {
  readonly row: number;
  readonly folderKey: FolderKey;
  readonly modulePath: ModulePath;
  goneAtMs: number | undefined;
}

/** A thread may still hold an old picture of a site: until then its row is nobody else's. */
const keptAfterGoneMs = 3_600_000;

export class CounterBook {
  readonly #options: CounterBookOptions;
  readonly #pages: readonly SharedArrayBuffer[];
  readonly #folders = new Map<FolderKey, Map<ModulePath, Place>>();
  readonly #free: number[] = [];
  /** Rows that were ever given out, the row of the others not counted. */
  #rows = 0;
  /** Before then no row comes free: who has none asks at each publish, and there may be many. */
  #freesFromMs = Number.POSITIVE_INFINITY;

  constructor(options: CounterBookOptions) {
    this.#options = options;
    const { rowsMax, threads } = options;
    this.#pages = Array.from({ length: threads }, () => createCounterPage(rowsMax));
  }

  /** The page of the serving thread with that number, and of its successors. */
  pageOf(threadNumber: number): SharedArrayBuffer {
    const page = this.#pages[threadNumber];
    if (page === undefined) throw new TypeError(`Cannot count: there is no thread ${threadNumber}`);
    return page;
  }

  /** The rows of a folder's modules; those of its earlier modules are freed after an hour. */
  rowsOf(folderKey: FolderKey, modulePaths: Iterable<ModulePath>): ReadonlyMap<ModulePath, number> {
    const nowMs = this.#options.nowMs();
    const places = this.#folders.get(folderKey) ?? new Map<ModulePath, Place>();
    const rows = new Map<ModulePath, number>();
    for (const modulePath of modulePaths) {
      const place = places.get(modulePath) ?? this.#take(folderKey, modulePath, nowMs);
      if (place !== undefined) {
        place.goneAtMs = undefined;
        places.set(modulePath, place);
      }
      rows.set(modulePath, place?.row ?? otherRow);
    }
    for (const [path, place] of places) if (!rows.has(path)) this.#noteGone(place, nowMs);
    if (places.size > 0) this.#folders.set(folderKey, places);
    return rows;
  }

  /** Nobody watches the folder any more. */
  leave(folderKey: FolderKey): void {
    this.rowsOf(folderKey, []);
  }

  /** Every row in use, that of the others first. */
  *read(): IterableIterator<Counted> {
    yield this.#sum(otherRow, undefined);
    for (const places of this.#folders.values()) {
      for (const place of places.values()) yield this.#sum(place.row, place);
    }
  }

  /** The same as one row of numbers each, laid out by `counterPlace`: for many rows at once. */
  *sums(): IterableIterator<CountedRow> {
    yield {
      row: otherRow,
      folderKey: undefined,
      modulePath: undefined,
      words: this.#add(otherRow),
    };
    for (const places of this.#folders.values()) {
      for (const { row, folderKey, modulePath } of places.values()) {
        yield { row, folderKey, modulePath, words: this.#add(row) };
      }
    }
  }

  /** The sum of all rows, laid out as they are: for looks that come every second. */
  total(): Float64Array {
    const sum = new Float64Array(counterRowWords);
    for (const page of this.#pages) {
      const words = new Float64Array(page, 0, (this.#rows + 1) * counterRowWords);
      for (let at = 0; at < words.length; at += 1) {
        const place = at % counterRowWords;
        sum[place] = (sum[place] ?? 0) + (words[at] ?? 0);
      }
    }
    return sum;
  }

  /** The peak of memory is no sum, but the highest. */
  #add(row: number): Float64Array {
    const sum = new Float64Array(counterRowWords);
    for (const page of this.#pages) {
      const words = this.#wordsOf(page, row);
      const peak = Math.max(
        sum[counterPlace.memoryPeakBytes] ?? 0,
        words[counterPlace.memoryPeakBytes] ?? 0,
      );
      for (let word = 0; word < counterRowWords; word += 1) {
        sum[word] = (sum[word] ?? 0) + (words[word] ?? 0);
      }
      sum[counterPlace.memoryPeakBytes] = peak;
    }
    return sum;
  }

  #take(folderKey: FolderKey, modulePath: ModulePath, nowMs: number): Place | undefined {
    const isFull = this.#free.length === 0 && this.#rows >= this.#options.rowsMax;
    if (isFull && nowMs >= this.#freesFromMs) this.#freeGone(nowMs);
    let row = this.#free.pop();
    if (row === undefined) {
      if (this.#rows >= this.#options.rowsMax) return undefined;
      this.#rows += 1;
      row = this.#rows;
    }
    return { row, folderKey, modulePath, goneAtMs: undefined };
  }

  #noteGone(place: Place, nowMs: number): void {
    place.goneAtMs ??= nowMs;
    this.#freesFromMs = Math.min(this.#freesFromMs, place.goneAtMs + keptAfterGoneMs);
  }

  /** Rows begin at nothing: what the module before counted is not the next one's. */
  #freeGone(nowMs: number): void {
    this.#freesFromMs = Number.POSITIVE_INFINITY;
    for (const [folderKey, places] of this.#folders) {
      for (const [modulePath, { goneAtMs, row }] of places) {
        if (goneAtMs === undefined) continue;
        if (nowMs - goneAtMs < keptAfterGoneMs) {
          this.#freesFromMs = Math.min(this.#freesFromMs, goneAtMs + keptAfterGoneMs);
          continue;
        }
        places.delete(modulePath);
        for (const page of this.#pages) this.#wordsOf(page, row).fill(0);
        this.#free.push(row);
      }
      if (places.size === 0) this.#folders.delete(folderKey);
    }
  }

  #wordsOf(page: SharedArrayBuffer, row: number): Float64Array {
    return new Float64Array(page, row * counterRowWords * 8, counterRowWords);
  }

  #sum(row: number, place: Place | undefined): Counted {
    const pages = this.#pages.map((page) => this.#wordsOf(page, row));
    const total = (at: number): number => pages.reduce((sum, words) => sum + (words[at] ?? 0), 0);
    const peaks = pages.map((words) => words[counterPlace.memoryPeakBytes] ?? 0);
    return {
      folderKey: place?.folderKey,
      modulePath: place?.modulePath,
      requests: new Map(outcomes.map((name, at) => [name, total(counterPlace.requests + at)])),
      durations: Array.from({ length: durationBucketsS.length + 1 }, (_, bucket) =>
        total(counterPlace.durations + bucket),
      ),
      durationSumUs: total(counterPlace.durationSumUs),
      guestCpuUs: total(counterPlace.guestCpuUs),
      memoryPeakBytes: Math.max(0, ...peaks),
      receivedBytes: total(counterPlace.receivedBytes),
      sentBytes: total(counterPlace.sentBytes),
    };
  }
}
