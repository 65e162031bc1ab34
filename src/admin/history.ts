/**
 * What the counters were, so that an operator can be told of the last minute and hour: the growth
 * of each row, in slots of ten seconds for a minute and of a minute for an hour. Touches nothing:
 * whoever holds it says when ten seconds are over.
 */
import type { CountedRow, CounterBook } from '../journal/counter-book.ts';
import { counterPlace, counterRowWords } from '../journal/counter-fields.ts';

export const tickMs = 10_000;
const shortSlots = 6;
const longSlots = 60;
const ticksPerLongSlot = 6;

/** Of a row, what is kept: all but who made the answers. 10 MiB for a thousand rows. */
const keptWords = counterPlace.replies;

export const windowsS = [60, 300, 3_600] as const;
export type WindowS = (typeof windowsS)[number];

interface RowHistory {
  readonly folderKey: CountedRow['folderKey'];
  readonly modulePath: CountedRow['modulePath'];
  /** What the counters were at the last tick. */
  last: Float64Array;
  /** Slots of ten seconds, then slots of a minute; each as wide as a row. */
  readonly slots: Float32Array;
}

export class History {
  readonly #counters: Pick<CounterBook, 'sums'>;
  readonly #rows = new Map<number, RowHistory>();
  #tick = 0;

  constructor(counters: Pick<CounterBook, 'sums'>) {
    this.#counters = counters;
  }

  /** Ten seconds are over. */
  tick(): void {
    const seen = new Set<number>();
    const shortAt = this.#tick % shortSlots;
    const longAt = shortSlots + (Math.floor(this.#tick / ticksPerLongSlot) % longSlots);
    const beginsLong = this.#tick % ticksPerLongSlot === 0;
    for (const counted of this.#counters.sums()) {
      seen.add(counted.row);
      const row = this.#rowOf(counted);
      clearSlot(row.slots, shortAt);
      if (beginsLong) clearSlot(row.slots, longAt);
      addGrowth(row, counted.words, { shortAt, longAt });
      row.last = counted.words;
    }
    for (const row of this.#rows.keys()) if (!seen.has(row)) this.#rows.delete(row);
    this.#tick += 1;
  }

  /** What each row grew by in about the last `windowS`, what is counted since the tick included. */
  growth(windowS: WindowS): readonly CountedRow[] {
    const places = this.#placesOf(windowS);
    return [...this.#counters.sums()].map((counted) => {
      const row = this.#rowOf(counted);
      const words = new Float64Array(counterRowWords);
      for (const place of places) addSlot(words, row.slots, place);
      growBy(words, counted.words, row.last);
      return { ...counted, words };
    });
  }

  #placesOf(windowS: WindowS): readonly number[] {
    if (windowS === 60) {
      // The slot that comes next is the oldest: with what is counted since, it would be too much.
      return Array.from({ length: shortSlots - 1 }, (_, back) => this.#shortPlace(back + 1));
    }
    const slots = windowS / 60;
    return Array.from({ length: Math.min(slots, longSlots) }, (_, back) => this.#longPlace(back));
  }

  #shortPlace(back: number): number {
    return (((this.#tick - back) % shortSlots) + shortSlots) % shortSlots;
  }

  #longPlace(back: number): number {
    const slot = Math.floor((this.#tick - 1) / ticksPerLongSlot) - back;
    return shortSlots + (((slot % longSlots) + longSlots) % longSlots);
  }

  /** A row that another module has now begins anew. */
  #rowOf(counted: CountedRow): RowHistory {
    const { row, folderKey, modulePath } = counted;
    const known = this.#rows.get(row);
    const isSame = known?.folderKey === folderKey && known?.modulePath === modulePath;
    if (known !== undefined && isSame) return known;
    const slots = new Float32Array((shortSlots + longSlots) * keptWords);
    const last = new Float64Array(counterRowWords);
    const fresh: RowHistory = { folderKey, modulePath, last, slots };
    this.#rows.set(row, fresh);
    return fresh;
  }
}

function clearSlot(slots: Float32Array, place: number): void {
  slots.fill(0, place * keptWords, (place + 1) * keptWords);
}

function addGrowth(
  { last, slots }: RowHistory,
  words: Float64Array,
  { shortAt, longAt }: { readonly shortAt: number; readonly longAt: number },
): void {
  for (let word = 0; word < keptWords; word += 1) {
    if (word === counterPlace.memoryPeakBytes) continue;
    const grown = Math.max(0, (words[word] ?? 0) - (last[word] ?? 0));
    if (grown === 0) continue;
    for (const at of [shortAt, longAt]) {
      const place = at * keptWords + word;
      slots[place] = (slots[place] ?? 0) + grown;
    }
  }
}

function addSlot(words: Float64Array, slots: Float32Array, place: number): void {
  const from = place * keptWords;
  for (let word = 0; word < keptWords; word += 1) {
    words[word] = (words[word] ?? 0) + (slots[from + word] ?? 0);
  }
}

/** The peak is of the whole time: nobody keeps when it was. */
function growBy(words: Float64Array, now: Float64Array, last: Float64Array): void {
  for (let word = 0; word < counterRowWords; word += 1) {
    words[word] = (words[word] ?? 0) + Math.max(0, (now[word] ?? 0) - (last[word] ?? 0));
  }
  words[counterPlace.memoryPeakBytes] = now[counterPlace.memoryPeakBytes] ?? 0;
}
