/**
 * Stores whose card is marked already, by a store before them to the same local's value: the frame
 * of a function, the fields of an object. A mark holds until the run ends, across calls and waits,
 * so what counts is that the code cannot come to the store but by the mark, with the same value in
 * the local: they stand in the same labels or the mark in fewer, and no loop begins between them.
 *
 *   offset     0          128         256         384
 *              |── place ──|── place ──|
 *   mark       x           x                the first store to each place marks where it begins
 *   card       …──────────|………………|         and stands for as much behind it
 *
 * A missed mark would bring what one visitor wrote to the next: whatever is not known is marked.
 */
import type { LocalValues } from '../binary/local-values.ts';
import { cardOverlapBytes, storedBytesMax } from './contract.ts';

/** Offsets from one local in the same stretch of so many bytes have one mark. */
const placeBytes = cardOverlapBytes - storedBytesMax;

/** No more are looked at: a long function without labels has thousands. */
const lookedAtMax = 16;

export class MarkedPlaces {
  readonly #locals: LocalValues;
  /** Of each mark the value of the local, and the offset where its place begins. */
  readonly #values: number[] = [];
  readonly #offsets: number[] = [];
  #count = 0;
  #firstOfLoop = 0;

  constructor(locals: LocalValues) {
    this.#locals = locals;
  }

  begin(): void {
    this.#count = 0;
    this.#firstOfLoop = 0;
  }

  /** How many marks hold here; `forget` with it forgets those made since. */
  get count(): number {
    return this.#count;
  }

  get firstOfLoop(): number {
    return this.#firstOfLoop;
  }

  /** A loop begins: what was marked before it was so for the values of its first round. */
  enterLoop(): void {
    this.#firstOfLoop = this.#count;
  }

  /** Back in front of a label, where so many marks held. */
  leave(count: number, firstOfLoop: number): void {
    this.#count = count;
    this.#firstOfLoop = firstOfLoop;
  }

  /** Only those marks hold that were made before. */
  forget(count: number): void {
    this.#count = count;
  }

  /**
   * The place that a store `offset` bytes behind the value of `local` lies in: where it begins if
   * it is to be marked, or -1 where it is.
   */
  mark(local: number, offset: number): number {
    const value = this.#locals.valueOf(local);
    const start = offset - (offset % placeBytes);
    const first = Math.max(this.#firstOfLoop, this.#count - lookedAtMax);
    for (let at = this.#count - 1; at >= first; at--) {
      if (this.#values[at] === value && this.#offsets[at] === start) return -1;
    }
    this.#values[this.#count] = value;
    this.#offsets[this.#count] = start;
    this.#count++;
    return start;
  }
}
