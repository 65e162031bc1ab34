/**
 * Puts an instance's memories back to their first state, in one of three ways:
 *
 *   cards          only what was written, as the marks tell; for short runs
 *   copy           everything; for small memories, and what always works
 *   copy-on-write  the written pages are given back to the system; for large memories
 *
 * All of the PHYSICAL memory is put back: what the guest grew is cleared, because memory never
 * shrinks and the guest can reach it although it believes otherwise (engine section B).
 */
import { cardBytes, cardOverlapBytes } from '../wasm/meter/contract.ts';
import type { CardMarks } from './card-table.ts';
import type { FirstState } from './first-state.ts';
import type { PageImage } from './page-mapper.ts';

export type RestoreMode = 'cards' | 'copy' | 'copy-on-write';

export interface SnapshotOptions {
  readonly memories: readonly WebAssembly.Memory[];
  readonly first: FirstState;
  /** The marks of memory 0; undefined in the form without cards. */
  readonly marks: CardMarks | undefined;
  /** The image of memory 0; undefined where pages are not mapped. */
  readonly pages: PageImage | undefined;
}

const noImage = Buffer.alloc(0);

export class Snapshot {
  readonly mode: RestoreMode;
  readonly #options: SnapshotOptions;
  readonly #views: (Uint8Array | undefined)[] = [];
  readonly #visit = (first: number, end: number): void => this.#restoreCards(first, end);
  #target: Uint8Array = noImage;
  #image: Buffer = noImage;

  constructor(options: SnapshotOptions) {
    this.#options = options;
    const [memory] = options.memories;
    if (options.marks !== undefined) this.mode = 'cards';
    else if (memory !== undefined && options.pages?.map(memory)) this.mode = 'copy-on-write';
    else this.mode = 'copy';
  }

  /** Answers how many cards were written, or undefined where that is not known. */
  restore(): number | undefined {
    const { memories, marks } = this.#options;
    let cards: number | undefined;
    for (let memory = 0; memory < memories.length; memory += 1) {
      if (memory > 0 || this.mode === 'copy') this.#copy(memory);
      else if (marks !== undefined) {
        this.#target = this.#view(0);
        this.#image = this.#options.first.images[0] ?? noImage;
        cards = marks.drain(this.#visit, this.#target.length / cardBytes);
      } else this.#resetPages();
    }
    return cards;
  }

  #restoreCards(first: number, end: number): void {
    const target = this.#target;
    const image = this.#image;
    const start = first * cardBytes;
    const stop = Math.min(end * cardBytes + cardOverlapBytes, target.length);
    const imageStop = Math.min(stop, image.length);
    if (start < imageStop) image.copy(target, start, start, imageStop);
    if (stop > imageStop) target.fill(0, Math.max(start, imageStop), stop);
  }

  #copy(memory: number): void {
    const target = this.#view(memory);
    const image = this.#options.first.images[memory] ?? noImage;
    image.copy(target);
    target.fill(0, image.length);
  }

  #resetPages(): void {
    const { memories, pages } = this.#options;
    const [memory] = memories;
    if (memory !== undefined && !pages?.reset(memory)) {
      // A memory that was not put back must never serve again: whoever asked discards it.
      throw new Error('Cannot restore the memory: the system refused to take its pages back');
    }
  }

  /** All of the memory now; a new view only where it grew. */
  #view(memory: number): Uint8Array {
    const view = this.#views[memory];
    // Growing detaches the buffer, and the view has no length any more.
    if (view !== undefined && view.length > 0) return view;
    const buffer = this.#options.memories[memory]?.buffer;
    const fresh = buffer === undefined ? noImage : new Uint8Array(buffer);
    this.#views[memory] = fresh;
    return fresh;
  }
}
