/**
 * Which cards of 512 bytes of a memory a guest has written to. The meter marks them in a card
 * memory that all guests of the thread share (one for each guest would halve how many fit into the
 * address space, docs/spec/engine.md, A6); so whoever runs owns it, and the marks of a guest that
 * is suspended meanwhile are kept aside. Otherwise the next restore would miss them, and one
 * visitor's bytes would reach another.
 */
import { cardBytes, cardBytesLog2 } from '../../wasm/meter/contract.ts';
import { type CardScan, openCardScan } from './card-scan.ts';

/** What the system gives memory in. */
export const systemPageBytes = 4096;

/** The marks of a page are eight bytes, which are looked at as one number. */
const cardsPerPage = systemPageBytes / cardBytes;

export class CardTable {
  readonly memory: WebAssembly.Memory;
  /** One number for the marks of each page: 0 where none is marked. */
  readonly pages: Float64Array;
  /** Two for each page. */
  readonly words: Int32Array;
  readonly #cards: Uint8Array;
  readonly #scan: CardScan;
  #owner: CardMarks | undefined;

  /** `memory` is zeroed and does not grow. */
  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.#cards = new Uint8Array(memory.buffer);
    this.pages = new Float64Array(memory.buffer);
    this.words = new Int32Array(memory.buffer);
    this.#scan = openCardScan(memory);
  }

  get cards(): Uint8Array {
    return this.#cards;
  }

  /** The first page from `page` on that has marks; `pageCount` where there is none before it. */
  nextPage(page: number, pageCount: number): number {
    return this.#scan(page * cardsPerPage, pageCount * cardsPerPage) / cardsPerPage;
  }

  isOwnedBy(marks: CardMarks): boolean {
    return this.#owner === marks;
  }

  /** From now on the marks in the table are those of `marks`. Answers whose they were. */
  give(marks: CardMarks): CardMarks | undefined {
    const before = this.#owner;
    if (before === marks) return before;
    before?.setAside();
    this.#owner = marks;
    return before;
  }

  /**
   * The table is clear, and that of `next` if it was that of `marks`. Without one it is nobody's:
   * who comes then sets none aside.
   */
  leave(marks: CardMarks, next: CardMarks | undefined): void {
    if (this.#owner === marks) this.#owner = next;
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
class AllMarks implements MarksOwner {
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
  /** The same as numbers. */
  #asideMarks: Marks = noMarks;
  #hasAside = false;
  /** Pages beyond these have no marks aside: most guests write to few, close to each other. */
  #asideFirst = 0;
  #asideEnd = 0;
  /** Which pages were ever written to, by the guest, the host or a restore: the system has them. */
  #touched = new Uint8Array(0);
  #touchedCount = 0;
  /** Whose the table was when it was last drained. */
  #interrupted: CardMarks | undefined;

  constructor(table: CardTable, memory: WebAssembly.Memory) {
    this.#table = table;
    this.#memory = memory;
  }

  /** How many pages of the system were ever written to; what lies in no page is zero. */
  get touchedCount(): number {
    return this.#touchedCount;
  }

  /** The pages from `first` to one before `end` are written to now. */
  touch(first: number, end: number): void {
    if (end > this.#touched.length) this.#widen(end);
    for (let page = first; page < end; page += 1) {
      if (this.#touched[page] === 1) continue;
      this.#touched[page] = 1;
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
    const isOwner = this.#table.isOwnedBy(this);
    const cards = isOwner ? this.#table.cards : this.#openAside(this.#cardCount());
    if (first === last) cards[first] = 1;
    else cards.fill(1, first, last + 1);
    if (isOwner) return;
    this.#widenAside(Math.floor(first / cardsPerPage), Math.floor(last / cardsPerPage));
  }

  /**
   * Calls `visit` for every stretch of marked cards, first to one past the last, and clears them.
   * `cardCount` is that of the memory now. Answers how many pages they lie in.
   */
  drain(visit: (first: number, end: number) => void, cardCount: number): number {
    this.#takeBack();
    const table = this.#table;
    const { cards, pages } = table;
    const pageCount = cardCount / cardsPerPage;
    let count = 0;
    let first = -1;
    for (let page = table.nextPage(0, pageCount); page < pageCount; ) {
      count += 1;
      for (let card = page * cardsPerPage; card < (page + 1) * cardsPerPage; card += 1) {
        if (cards[card] === 0) {
          if (first >= 0) this.#pass(visit, first, card);
          first = -1;
        } else if (first < 0) first = card;
      }
      pages[page] = 0;
      page += 1;
      if (page < pageCount && pages[page] !== 0) continue;
      if (first >= 0) this.#pass(visit, first, page * cardsPerPage);
      first = -1;
      page = table.nextPage(page, pageCount);
    }
    return count;
  }

  /** A store at the end of a card may reach into the next. */
  #pass(visit: (first: number, end: number) => void, first: number, end: number): void {
    this.touch(Math.floor(first / cardsPerPage), Math.ceil((end + 1) / cardsPerPage));
    visit(first, end);
  }

  #widen(end: number): void {
    const touched = new Uint8Array(Math.max(end, this.#cardCount() / cardsPerPage + 1));
    touched.set(this.#touched);
    this.#touched = touched;
  }

  /**
   * Nothing is marked, and no code of the guest runs before it owns the table again. Whoever had
   * that when this guest was put back has it again: a run that lets go of the thread before its end
   * is put back while another one has it, whose next stores must not be lost.
   */
  leave(): void {
    this.#table.leave(this, this.#interrupted);
    this.#interrupted = undefined;
  }

  /** Another guest gets the table: keeps the marks and leaves it clear. */
  setAside(): void {
    const table = this.#table;
    const cardCount = this.#cardCount();
    this.#openAside(cardCount);
    const pageCount = cardCount / cardsPerPage;
    for (let page = table.nextPage(0, pageCount); page < pageCount; ) {
      movePage(table, this.#asideMarks, page);
      this.#widenAside(page, page);
      page += 1;
      if (page < pageCount && table.pages[page] !== 0) continue;
      page = table.nextPage(page, pageCount);
    }
  }

  /** What was written so far is part of the first state. */
  clear(): void {
    this.drain(() => undefined, this.#cardCount());
    this.#interrupted = undefined;
  }

  /** The guest is given up. */
  discard(): void {
    this.#table.take(this, this.#cardCount());
    this.#aside = undefined;
    this.#asideMarks = noMarks;
    this.#hasAside = false;
  }

  #cardCount(): number {
    return this.#memory.buffer.byteLength / cardBytes;
  }

  #takeBack(): void {
    const before = this.#table.give(this);
    this.#interrupted = before === this ? undefined : before;
    if (!this.#hasAside) return;
    const aside = this.#asideMarks;
    for (let page = this.#asideFirst; page < this.#asideEnd; page += 1) {
      if (aside.pages[page] !== 0) movePage(aside, this.#table, page);
    }
    this.#hasAside = false;
  }

  #widenAside(firstPage: number, lastPage: number): void {
    if (firstPage < this.#asideFirst) this.#asideFirst = firstPage;
    if (lastPage >= this.#asideEnd) this.#asideEnd = lastPage + 1;
  }

  /** Grown with the memory, which may have grown since the marks were first set aside. */
  #openAside(cardCount: number): Uint8Array {
    if (!this.#hasAside) {
      this.#asideFirst = cardCount;
      this.#asideEnd = 0;
    }
    this.#hasAside = true;
    const aside = this.#aside;
    if (aside !== undefined && aside.length >= cardCount) return aside;
    const grown = new Uint8Array(cardCount);
    if (aside !== undefined) grown.set(aside);
    this.#aside = grown;
    this.#asideMarks = openMarks(grown);
    return grown;
  }
}

/** Of all memories of an instance; undefined where none is marked. */
export function ownerOf(marks: readonly (CardMarks | undefined)[]): MarksOwner | undefined {
  const present = marks.filter((each) => each !== undefined);
  return present.length > 1 ? new AllMarks(present) : present[0];
}

/** The same marks as numbers for pages, and as two for each. */
interface Marks {
  readonly pages: Float64Array;
  readonly words: Int32Array;
}

const noMarks: Marks = { pages: new Float64Array(0), words: new Int32Array(0) };

function openMarks({ buffer }: Uint8Array): Marks {
  return { pages: new Float64Array(buffer), words: new Int32Array(buffer) };
}

/** Marks are all the same byte, so that words of them can be joined by `or`. */
function movePage(from: Marks, to: Marks, page: number): void {
  const word = 2 * page;
  to.words[word] = (to.words[word] ?? 0) | (from.words[word] ?? 0);
  to.words[word + 1] = (to.words[word + 1] ?? 0) | (from.words[word + 1] ?? 0);
  from.pages[page] = 0;
}
