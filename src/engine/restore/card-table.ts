/**
 * Which 4 KiB cards of a memory a guest has written to. The meter marks them in a card memory
 * that all guests of the thread share (one for each guest would halve how many fit into the address
 * space, docs/spec/engine.md, A6); so whoever runs owns it, and the marks of a guest that is
 * suspended meanwhile are kept aside. Otherwise the next restore would miss them, and one visitor's
 * bytes would reach another.
 */
import { cardBytes } from '../../wasm/meter/contract.ts';

const cardBytesLog2 = Math.log2(cardBytes);
const cardsPerWord = 4;

export class CardTable {
  readonly memory: WebAssembly.Memory;
  readonly #cards: Uint8Array;
  readonly #words: Int32Array;
  #owner: CardMarks | undefined;

  /** `memory` is zeroed and does not grow. */
  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.#cards = new Uint8Array(memory.buffer);
    this.#words = new Int32Array(memory.buffer);
  }

  get cards(): Uint8Array {
    return this.#cards;
  }

  get words(): Int32Array {
    return this.#words;
  }

  isOwnedBy(marks: CardMarks): boolean {
    return this.#owner === marks;
  }

  /** From now on the marks in the table are those of `marks`. */
  give(marks: CardMarks): void {
    if (this.#owner === marks) return;
    this.#owner?.setAside();
    this.#owner = marks;
  }

  /** `marks` is gone: the table is nobody's, and clear. */
  take(marks: CardMarks, cardCount: number): void {
    if (this.#owner !== marks) return;
    this.#cards.fill(0, 0, cardCount);
    this.#owner = undefined;
  }
}

/** Who must have the tables when a guest runs. */
export interface MarksOwner {
  /** The guest is about to run. */
  own(): void;
}

/** The marks of a guest of several memories: each has a table of its own. */
export class AllMarks implements MarksOwner {
  readonly #marks: readonly CardMarks[];

  constructor(marks: readonly CardMarks[]) {
    this.#marks = marks;
  }

  own(): void {
    for (const marks of this.#marks) marks.own();
  }
}

/** Of one memory of a guest: in the table while they own that, set aside while they do not. */
export class CardMarks implements MarksOwner {
  readonly #table: CardTable;
  readonly #memory: WebAssembly.Memory;
  /** Made when the guest is first interrupted; most never are. */
  #aside: Uint8Array | undefined;
  /** The same, so that words of it can be joined by `or`: marks are all the same byte. */
  #asideWords = new Int32Array(0);
  #hasAside = false;
  /** Which cards were ever written to, by the guest, the host or a restore: the system has them. */
  #touched = new Uint8Array(0);
  #touchedCount = 0;

  constructor(table: CardTable, memory: WebAssembly.Memory) {
    this.#table = table;
    this.#memory = memory;
  }

  /** How many cards were ever written to; all others hold the zeros of no page. */
  get touchedCount(): number {
    return this.#touchedCount;
  }

  /** The cards from `first` to one before `end` are written to now. */
  touch(first: number, end: number): void {
    if (end > this.#touched.length) this.#widen(end);
    for (let card = first; card < end; card += 1) {
      if (this.#touched[card] === 1) continue;
      this.#touched[card] = 1;
      this.#touchedCount += 1;
    }
  }

  /** The guest is about to run. */
  own(): void {
    this.#table.give(this);
  }

  /** The host is about to write `len` > 0 bytes at `ptr`. */
  mark(ptr: number, len: number): void {
    const first = ptr >>> cardBytesLog2;
    const last = (ptr + len - 1) >>> cardBytesLog2;
    const cards = this.#table.isOwnedBy(this) ? this.#table.cards : this.#openAside();
    if (first === last) cards[first] = 1;
    else cards.fill(1, first, last + 1);
  }

  /**
   * Calls `visit` for every stretch of marked cards, first to one past the last, and clears them.
   * `cardCount` is that of the memory now. Answers how many cards were marked.
   */
  drain(visit: (first: number, end: number) => void, cardCount: number): number {
    this.#takeBack();
    const { cards, words } = this.#table;
    const wordCount = cardCount / cardsPerWord;
    let count = 0;
    let first = -1;
    for (let word = 0; word < wordCount; word += 1) {
      if (words[word] === 0) {
        if (first >= 0) this.#pass(visit, first, word * cardsPerWord);
        first = -1;
        continue;
      }
      for (let card = word * cardsPerWord; card < (word + 1) * cardsPerWord; card += 1) {
        if (cards[card] === 0) {
          if (first >= 0) this.#pass(visit, first, card);
          first = -1;
          continue;
        }
        count += 1;
        if (first < 0) first = card;
      }
      words[word] = 0;
    }
    if (first >= 0) this.#pass(visit, first, wordCount * cardsPerWord);
    return count;
  }

  /** A store at the end of a card may reach into the next. */
  #pass(visit: (first: number, end: number) => void, first: number, end: number): void {
    this.touch(first, end + 1);
    visit(first, end);
  }

  #widen(end: number): void {
    const touched = new Uint8Array(Math.max(end, this.#cardCount + 1));
    touched.set(this.#touched);
    this.#touched = touched;
  }

  /** Another guest gets the table: keeps the marks and leaves it clear. */
  setAside(): void {
    this.#openAside();
    const asideWords = this.#asideWords;
    const { words } = this.#table;
    const wordCount = this.#cardCount / cardsPerWord;
    for (let word = 0; word < wordCount; word += 1) {
      const marked = words[word] ?? 0;
      if (marked === 0) continue;
      asideWords[word] = (asideWords[word] ?? 0) | marked;
      words[word] = 0;
    }
  }

  /** What was written so far is part of the first state. */
  clear(): void {
    this.drain(() => undefined, this.#cardCount);
  }

  /** The guest is given up. */
  discard(): void {
    this.#table.take(this, this.#cardCount);
    this.#aside = undefined;
    this.#asideWords = new Int32Array(0);
    this.#hasAside = false;
  }

  get #cardCount(): number {
    return this.#memory.buffer.byteLength / cardBytes;
  }

  #takeBack(): void {
    this.own();
    if (!this.#hasAside) return;
    const { words } = this.#table;
    const asideWords = this.#asideWords;
    for (let word = 0; word < asideWords.length; word += 1) {
      const marked = asideWords[word] ?? 0;
      if (marked === 0) continue;
      words[word] = (words[word] ?? 0) | marked;
      asideWords[word] = 0;
    }
    this.#hasAside = false;
  }

  /** Grown with the memory, which may have grown since the marks were first set aside. */
  #openAside(): Uint8Array {
    this.#hasAside = true;
    const cardCount = this.#cardCount;
    const aside = this.#aside;
    if (aside !== undefined && aside.length >= cardCount) return aside;
    const grown = new Uint8Array(cardCount);
    if (aside !== undefined) grown.set(aside);
    this.#aside = grown;
    this.#asideWords = new Int32Array(grown.buffer);
    return grown;
  }
}
