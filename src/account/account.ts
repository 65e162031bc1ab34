/**
 * One account of what the whole process holds, with a share for each owner. A thread opens its
 * `Account` once; whoever holds something for an owner takes that owner's `Share`:
 *
 *   const share = account.shareOf(site.owner);
 *   share.requireRoom(bytes);                                 // asked before, not after
 *   const holding = new Holding(share, 'request-body');       // safest: closes once, in any case
 *   holding.set(bytes);                                       // as it grows and shrinks
 *   holding.close();
 *
 * or `share.charge('log', bytes)` and `share.release('log', bytes)` in pairs. `account.common` is
 * the share of what is nobody's. Charging costs a few additions and never fails, so that what is
 * there is always counted; whether there *may* be more is a question of its own, `allows`:
 *
 * An owner may hold twice as much as is left for everybody (the threshold of Choudhury and Hahne,
 * 1998, for shared buffers). So one owner alone gets at most two thirds of the bound, two greedy
 * ones two fifths each, and something is always left for whoever has nothing yet. While less than
 * two thirds are held in all, the answer is yes for everybody, at the price of one sum.
 */
import { LRUCache } from 'lru-cache';
import type { OwnerKey } from '../names.ts';
import { type HeapUse, HeapUses } from './heap-uses.ts';
import { Share } from './share.ts';
import {
  type Category,
  categories,
  headerWord,
  type OtherPage,
  otherPageNumber,
  otherPages,
  pageCount,
  pageStart,
  pageWord,
  placesOf,
  type Stock,
} from './shared.ts';

/** Owners whose places a thread remembers; others are computed anew. */
const sharesKeptMax = 16_384;
/** Of others, for whom something is under way still. */
const sharesPushedOutMax = 16_384;
/** An owner may hold so many times what is left. */
const greed = 2;
const plentyShare = greed / (greed + 1);
/** Of the bound, what is for what nobody charges: garbage, and what V8 and the system add. */
const marginShare = 1 / 4;
/** However much lies outside of the account, every owner may hold so much of what is inside. */
const floorShare = 1 / 32;
/**
 * However much others hold, for idle guests begin to serve without asking, every owner may hold so
 * much as long as the margin has room: a small site must not be refused for what a large one does.
 */
const smallShare = 1 / 256;

/** What is held now, over all threads. */
export interface Held {
  readonly bytes: number;
  readonly idleBytes: number;
  readonly memories: number;
}

export class Account {
  /** For what belongs to nobody. */
  readonly common: Share;
  readonly #words: Float64Array;
  readonly #base: number;
  readonly #pageStarts: readonly number[];
  readonly #heapUses = new HeapUses();
  #lastOwner: OwnerKey | undefined;
  #lastShare: Share;
  #ownerChanges = 0;
  readonly #shares = new LRUCache<OwnerKey, Share>({
    max: sharesKeptMax,
    dispose: (share, owner, reason) => {
      if (reason === 'evict') this.#pushOut(share, owner);
    },
  });
  /** As long as anybody has one, it is the owner's only one on this thread. */
  readonly #pushedOut = new Map<OwnerKey, WeakRef<Share>>();

  /** `page`: the number of a serving thread, or the part that this thread is. */
  constructor(shared: SharedArrayBuffer, page: number | OtherPage) {
    this.#words = new Float64Array(shared);
    const number = typeof page === 'number' ? page : otherPageNumber(this.#words, page);
    this.#base = pageStart(number);
    this.#pageStarts = Array.from({ length: pageCount(this.#words) }, (_, each) => pageStart(each));
    this.common = this.#open(undefined);
    this.#lastShare = this.common;
  }

  /** The share of an owner (`names/owner.ts`). May be kept, or asked for again. */
  shareOf(owner: OwnerKey): Share {
    // The same owner is asked for several times in a request.
    if (owner === this.#lastOwner) return this.#lastShare;
    const share = this.#shares.get(owner) ?? this.#reopen(owner);
    this.#ownerChanges += 1;
    this.#lastOwner = owner;
    this.#lastShare = share;
    return share;
  }

  /** The same, of an owner who may have nothing to do here any more: it is no sign of him. */
  knownShareOf(owner: OwnerKey): Share | undefined {
    return this.#shares.peek(owner) ?? this.#pushedOut.get(owner)?.deref();
  }

  /** Changes while this thread has to do with more than one owner. */
  get ownerChanges(): number {
    return this.#ownerChanges;
  }

  /** What owners have on this thread's heap, and have put there since this was last asked. */
  heapUses(): readonly HeapUse[] {
    return this.#heapUses.take();
  }

  /** To be called each second: half of what owners have put there is forgotten. */
  fadeHeapUses(): void {
    this.#heapUses.fades += 1;
  }

  /** Sums over all threads; the last few KiB of each may not be shown yet. */
  held(): Held {
    return {
      bytes: this.#sum(pageWord.shownHeld),
      idleBytes: this.#sum(pageWord.shownIdle),
      memories: this.#sum(pageWord.shownMemories),
    };
  }

  /** Linear memories over all threads, those of idle guests included. */
  get memoriesHeld(): number {
    return this.#sum(pageWord.shownMemories);
  }

  /** By what it is held for, over all threads; exact where no thread is at work. */
  heldBy(category: Category): number {
    return this.#sum(pageWord.categories + categories.indexOf(category));
  }

  /** Whether all together is more than it should be: then idle guests must go. */
  get isShort(): boolean {
    const held = this.#sum(pageWord.shownHeld) + this.#sum(pageWord.shownIdle);
    return held + (this.#words[headerWord.outsideBytes] ?? 0) > this.#bytesMax();
  }

  /** How long a guest may stay idle now, in milliseconds. */
  get idleMsMax(): number {
    return this.#words[headerWord.idleMs] ?? Number.POSITIVE_INFINITY;
  }

  /** How often the overseer has asked for a collection; see tidy.ts. */
  get collectRounds(): number {
    return this.#words[headerWord.collectRounds] ?? 0;
  }

  /** Changes with each collection on demand, of whatever thread. */
  get collections(): number {
    return this.#sum(pageWord.collections);
  }

  /** Of their time lately, in which serving threads were at work, all together: 2 of two. */
  get utilization(): number {
    const serving = this.#pageStarts.slice(0, this.#pageStarts.length - otherPages.length);
    return serving.reduce(
      (sum, start) => sum + (this.#words[start + pageWord.utilization] ?? 0),
      0,
    );
  }

  /** This thread was at work for so much of its time since it last said so. */
  noteUtilization(share: number): void {
    this.#words[this.#base + pageWord.utilization] = share;
  }

  /** This thread has collected on demand. */
  noteCollection(): void {
    const word = this.#base + pageWord.collections;
    this.#words[word] = (this.#words[word] ?? 0) + 1;
  }

  /** What `share` may hold at most now. */
  bound(share: Share, stock: Stock): number {
    const factor = share === this.common ? 1 : greed;
    if (stock === 'memories') {
      return factor * (this.#memoriesMax() - this.#sum(pageWord.shownMemories));
    }
    const held = this.#sum(pageWord.shownHeld);
    const base = this.#words[headerWord.baseBytes] ?? 0;
    const outside = this.#words[headerWord.outsideBytes] ?? 0;
    const inside = this.#bytesMax() - base - held;
    const free = greed * (this.#bytesMax() - outside - held);
    const left = Math.max(free, this.#bytesMax() * floorShare);
    if (share === this.common) return inside;
    const whole = this.#words[headerWord.bytesMax] ?? 0;
    const small = base + held < whole ? whole * smallShare : 0;
    return Math.max(small, Math.min(inside * greed, left));
  }

  #allows(share: Share, stock: Stock, amount: number): boolean {
    if (this.#hasPlenty(stock, amount)) return true;
    return share.held(stock) + amount <= this.bound(share, stock);
  }

  /** Whether so little is held in all that nobody can hold more than the threshold. */
  #hasPlenty(stock: Stock, amount: number): boolean {
    if (stock === 'memories') {
      const memories = this.#sum(pageWord.shownMemories) + amount;
      return memories <= this.#memoriesMax() * plentyShare;
    }
    const outside = this.#words[headerWord.outsideBytes] ?? 0;
    const base = this.#words[headerWord.baseBytes] ?? 0;
    const held = this.#sum(pageWord.shownHeld);
    return held + amount <= (this.#bytesMax() - Math.max(outside, base)) * plentyShare;
  }

  #bytesMax(): number {
    return (this.#words[headerWord.bytesMax] ?? 0) * (1 - marginShare);
  }

  #memoriesMax(): number {
    return this.#words[headerWord.memoriesMax] ?? 0;
  }

  #sum(word: number): number {
    let sum = 0;
    for (const start of this.#pageStarts) sum += this.#words[start + word] ?? 0;
    return sum;
  }

  #reopen(owner: OwnerKey): Share {
    const share = this.#pushedOut.get(owner)?.deref() ?? this.#open(owner);
    this.#pushedOut.delete(owner);
    this.#shares.set(owner, share);
    return share;
  }

  #pushOut(share: Share, owner: OwnerKey): void {
    this.#pushedOut.set(owner, new WeakRef(share));
    if (this.#pushedOut.size <= sharesPushedOutMax) return;
    const [oldest] = this.#pushedOut;
    if (oldest === undefined) return;
    this.#pushedOut.delete(oldest[0]);
    // Nobody would take the mark away.
    oldest[1].deref()?.mark({ isHeld: false, isStalling: false });
  }

  #open(owner: OwnerKey | undefined): Share {
    return new Share({
      owner,
      heapUses: this.#heapUses,
      words: this.#words,
      base: this.#base,
      pageStarts: this.#pageStarts,
      places: owner === undefined ? undefined : placesOf(this.#words, owner),
      allows: (share, stock, amount) => this.#allows(share, stock, amount),
    });
  }
}
