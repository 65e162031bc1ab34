/** What one owner holds, as one thread charges it; and one thing that is held. */
import { TerrafirmaError } from '../errors.ts';
import type { OwnerKey } from '../names.ts';
import type { HeapUser, HeapUses } from './heap-uses.ts';
import { type Category, categories, pageWord, type Stock } from './shared.ts';

export interface ShareOptions {
  /** Undefined: nobody's. */
  readonly owner: OwnerKey | undefined;
  readonly heapUses: HeapUses;
  readonly words: Float64Array;
  /** First word of this thread's page. */
  readonly base: number;
  /** First words of all pages. */
  readonly pageStarts: readonly number[];
  /** Words of a page that belong to the owner: one in each row. Undefined: nobody's. */
  readonly places: { readonly [stock in Stock]: readonly number[] } | undefined;
  readonly allows: (share: Share, stock: Stock, amount: number) => boolean;
}

/** What other threads see may be behind by so much: they need not be told of every small thing. */
export const shownStepBytes = 256 * 1024;

/**
 * How much of a thread's collector a byte costs: objects are looked through one by one, buffers are
 * one object however large, and what is left out lies outside of V8's heap, or stays.
 */
const collectorWeights: { readonly [category in Category]?: number } = {
  heap: 1,
  run: 1,
  'request-body': 1 / 16,
  reply: 1 / 16,
  websocket: 1 / 16,
  'key-value': 1 / 16,
  cache: 1 / 16,
};
const categoryFacts: ReadonlyMap<Category, { readonly word: number; readonly weight: number }> =
  new Map(
    categories.map((category, index) => [
      category,
      { word: pageWord.categories + index, weight: collectorWeights[category] ?? 0 },
    ]),
  );
const memoryWord = pageWord.categories + categories.indexOf('memory');
const idleWord = pageWord.categories + categories.indexOf('idle-guest');

export class Share implements HeapUser {
  readonly owner: OwnerKey | undefined;
  isListed = false;
  #isHeld = false;
  #isStalling = false;
  readonly #words: Float64Array;
  readonly #options: ShareOptions;
  readonly #base: number;
  readonly #first: number;
  readonly #second: number;
  readonly #third: number;
  readonly #firstMemories: number;
  readonly #secondMemories: number;
  readonly #thirdMemories: number;
  /** What the owner has for this thread's collector to look through, */
  #heapBytes = 0;
  /** and has put there since it was last asked, */
  #takenBytes = 0;
  /** as it was after so many fades. */
  #takenFades = 0;
  readonly #heapUses: HeapUses;

  constructor(options: ShareOptions) {
    const { words, base, places } = options;
    const { scratch } = pageWord;
    const [first = scratch, second = scratch, third = scratch] = places?.bytes ?? [];
    this.#options = options;
    this.owner = options.owner;
    this.#heapUses = options.heapUses;
    this.#words = words;
    this.#base = base;
    this.#first = base + first;
    this.#second = base + second;
    this.#third = base + third;
    const [one = scratch, two = scratch, three = scratch] = places?.memories ?? [];
    this.#firstMemories = base + one;
    this.#secondMemories = base + two;
    this.#thirdMemories = base + three;
  }

  /** What the owner's runs do on this thread keeps everybody waiting: new ones wait. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Those under way go on with it: they get no more for now. */
  get isStalling(): boolean {
    return this.#isStalling;
  }

  /** By whoever counts that (`engine/supply/holding-back.ts`). */
  mark(standing: { readonly isHeld: boolean; readonly isStalling: boolean }): void {
    this.#isHeld = standing.isHeld;
    this.#isStalling = standing.isStalling;
  }

  /** Whether the owner may hold so much more now. */
  allows(stock: Stock, amount: number): boolean {
    return this.#options.allows(this, stock, amount);
  }

  /** @throws TerrafirmaError `overloaded` where `allows` says no to so many bytes more */
  requireRoom(bytes: number): void {
    if (this.allows('bytes', bytes)) return;
    throw new TerrafirmaError(
      'overloaded',
      'Cannot answer now: memory is short, and the sites of one owner may have no larger part ' +
        `of it than is left for others: received ${this.held('bytes') + bytes} bytes`,
    );
  }

  /** Adds bytes that are held from now on. Idle guests belong to `Account.common`. */
  charge(category: Category, bytes: number): void {
    const { word = 0, weight = 0 } = categoryFacts.get(category) ?? {};
    this.#add(this.#base + word, bytes);
    if (weight > 0) {
      this.#heapBytes += bytes * weight;
      this.noteTaken(bytes * weight);
    }
    if (category === 'idle-guest') this.#show(idleWord, pageWord.shownIdle);
    else this.#addHeld(bytes);
  }

  /** The same bytes are held no more. */
  release(category: Category, bytes: number): void {
    this.charge(category, -bytes);
  }

  /** Bytes of this thread's heap that its collector will look through, held or not. */
  noteTaken(bytes: number): void {
    if (bytes <= 0) return;
    this.#takenBytes = this.#takenNow + bytes;
    this.#takenFades = this.#heapUses.fades;
    if (!this.isListed) this.#heapUses.list(this);
  }

  /** What was put there some time ago is garbage, if it is not held. */
  get #takenNow(): number {
    const fades = this.#heapUses.fades - this.#takenFades;
    return fades === 0 ? this.#takenBytes : Math.floor(this.#takenBytes / 2 ** fades);
  }

  takeHeapBytes(): number {
    const bytes = Math.max(0, this.#heapBytes) + this.#takenNow;
    this.#takenBytes = 0;
    return bytes;
  }

  get hasHeapBytes(): boolean {
    return this.#heapBytes > 0 || this.#takenNow > 0;
  }

  /** Takes or, with a negative count, gives back linear memories. */
  addMemories(count: number): void {
    this.#add(this.#firstMemories, count);
    this.#add(this.#secondMemories, count);
    this.#add(this.#thirdMemories, count);
    this.#add(this.#base + pageWord.shownMemories, count);
  }

  /**
   * An idle instance, nobody's until now, serves this owner; with negative numbers it rests again.
   * At every run, so that nothing here looks anything up.
   *
   * @param idleBytes What it holds while it is idle.
   */
  moveInstance(bytes: number, idleBytes: number, memories: number): void {
    const base = this.#base;
    this.#add(base + idleWord, -idleBytes);
    this.#add(base + memoryWord, bytes);
    this.#add(this.#firstMemories, memories);
    this.#add(this.#secondMemories, memories);
    this.#add(this.#thirdMemories, memories);
    this.#addHeld(bytes);
    this.#show(idleWord, pageWord.shownIdle);
  }

  /** What the owner holds over all threads, or a little more; 0 for the share of nobody. */
  held(stock: Stock): number {
    const { pageStarts, places } = this.#options;
    if (places === undefined) return 0;
    let least = Number.POSITIVE_INFINITY;
    for (const place of places[stock]) {
      let sum = 0;
      for (const start of pageStarts) sum += this.#words[start + place] ?? 0;
      least = Math.min(least, sum);
    }
    return least;
  }

  #addHeld(bytes: number): void {
    this.#add(this.#first, bytes);
    this.#add(this.#second, bytes);
    this.#add(this.#third, bytes);
    this.#add(this.#base + pageWord.held, bytes);
    this.#show(pageWord.held, pageWord.shownHeld);
  }

  #add(word: number, amount: number): number {
    const sum = (this.#words[word] ?? 0) + amount;
    this.#words[word] = sum;
    return sum;
  }

  #show(word: number, shown: number): void {
    const sum = this.#words[this.#base + word] ?? 0;
    const before = this.#words[this.#base + shown] ?? 0;
    const isStep = Math.abs(sum - before) >= shownStepBytes || sum === 0;
    if (isStep && sum !== before) this.#words[this.#base + shown] = sum;
  }
}

/** One thing that is held for an owner; it may change its size, and is let go of once. */
export class Holding {
  readonly #share: Share;
  readonly #category: Category;
  #bytes = 0;
  #isClosed = false;

  constructor(share: Share, category: Category) {
    this.#share = share;
    this.#category = category;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The thing has so many bytes now. After `close` nothing is held any more. */
  set(bytes: number): void {
    if (this.#isClosed || bytes === this.#bytes) return;
    this.#share.charge(this.#category, bytes - this.#bytes);
    this.#bytes = bytes;
  }

  /** Adds `bytes` where the owner may hold them; false, and nothing is added, where not. */
  tryAdd(bytes: number): boolean {
    if (!this.#share.allows('bytes', bytes)) return false;
    this.set(this.#bytes + bytes);
    return true;
  }

  close(): void {
    this.set(0);
    this.#isClosed = true;
  }
}
