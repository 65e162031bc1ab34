/**
 * Puts an instance's memories back to their first state, in one of three ways:
 *
 *   cards          only what was written, as the marks tell; for short runs
 *   copy           everything; for small memories, and what always works
 *   copy-on-write  the written pages are given back to the system; for large memories
 *
 * All of the PHYSICAL memory is put back: what the guest grew is cleared, because memory never
 * shrinks and the guest can reach it although it believes otherwise (engine section B).
 *
 * A run of microseconds can leave 128 MiB to be copied. So only so much is put back at once, and
 * the rest in pieces, between which others have their turns.
 */
import { pieceBytes, type Steps } from '../../abi/steps.ts';
import { cardBytes, cardOverlapBytes } from '../../wasm/meter/contract.ts';
import { type CardMarks, systemPageBytes } from './card-table.ts';
import type { FirstState } from './first-state.ts';
import type { MemoryImage } from './memory-image.ts';
import { mappedPieceBytes, type PageImage } from './page-mapper.ts';

export type RestoreMode = 'cards' | 'copy' | 'copy-on-write';

export interface SnapshotOptions {
  readonly memories: readonly WebAssembly.Memory[];
  readonly first: FirstState;
  /** Of each memory, where its stores are marked; none in the form without cards. */
  readonly marks: readonly (CardMarks | undefined)[];
  /** Of each memory, where its pages are mapped. */
  readonly pages: readonly (PageImage | undefined)[];
}

const noBytes = new Uint8Array(0);
/** Some 0.1 ms; hardly a run writes to more. */
const atOnceBytesMax = 1024 * 1024;
/** The same for mapped pages: how many of them were written shows in the time alone. */
const atOnceMsMax = 0.5;

/** Bytes of a memory that are still to be put back. */
interface Stretch {
  readonly memory: number;
  readonly start: number;
  readonly stop: number;
}

export class Snapshot {
  readonly mode: RestoreMode;
  readonly #options: SnapshotOptions;
  /** The images that the memories were mapped to. */
  readonly #mapped: (PageImage | undefined)[] = [];
  readonly #views: (Uint8Array | undefined)[] = [];
  readonly #visit = (first: number, end: number): void => this.#restoreCards(first, end);
  #memory = 0;
  #target: Uint8Array = noBytes;
  #image: MemoryImage | undefined;
  /** Bytes that may still be put back at once. */
  #atOnceBytes = 0;
  #rest: Stretch[] = [];

  constructor(options: SnapshotOptions) {
    this.#options = options;
    for (const [number, memory] of options.memories.entries()) {
      const pages = options.pages[number];
      if (pages?.map(memory) === true) this.#mapped[number] = pages;
      const marks = options.marks[number];
      if (marks !== undefined) options.first.images[number]?.touch(marks);
    }
    if (options.marks.some((marks) => marks !== undefined)) this.mode = 'cards';
    else this.mode = this.#mapped[0] === undefined ? 'copy' : 'copy-on-write';
  }

  /**
   * Puts back as much as may be done at once; then the guest is in its first state but for
   * `takeRest`. Answers how many pages were written, or undefined where that is not known.
   */
  restore(): number | undefined {
    const { memories, marks } = this.#options;
    this.#atOnceBytes = atOnceBytesMax;
    let written: number | undefined;
    for (let memory = 0; memory < memories.length; memory += 1) {
      const pages = this.#mapped[memory];
      if (pages !== undefined) {
        this.#resetPages(pages, memory);
        continue;
      }
      this.#aimAt(memory);
      const drained = marks[memory]?.drain(this.#visit, this.#target.length / cardBytes);
      if (drained === undefined) this.#putBack(0, this.#target.length);
      else written = (written ?? 0) + drained;
    }
    return written;
  }

  /**
   * Bytes that the system holds for the memories between two runs: of a memory that is marked, what
   * was ever written to; of a mapped one nothing, because its image is everybody's.
   */
  get residentBytes(): number {
    const { memories, marks } = this.#options;
    let bytes = 0;
    for (let memory = 0; memory < memories.length; memory += 1) {
      if (this.#mapped[memory] !== undefined) continue;
      const touched = marks[memory]?.touchedCount;
      const length = this.#view(memory).length;
      bytes += touched === undefined ? length : Math.min(touched * systemPageBytes, length);
    }
    return bytes;
  }

  /** Fills memories that hold no more than a new instance does, and are not mapped. */
  *fill(): Steps<void> {
    const { memories, first } = this.#options;
    for (let memory = 0; memory < memories.length; memory += 1) {
      if (this.#mapped[memory] !== undefined) continue;
      const stop = first.images[memory]?.length ?? 0;
      this.#options.marks[memory]?.touch(0, stop / systemPageBytes);
      yield* this.#putBackRest([{ memory, start: 0, stop }]);
    }
  }

  /** What the last `restore` left to do; undefined where that is nothing. */
  takeRest(): Steps<void> | undefined {
    if (this.#rest.length === 0) return undefined;
    const rest = this.#rest;
    this.#rest = [];
    return this.#putBackRest(rest);
  }

  *#putBackRest(rest: readonly Stretch[]): Steps<void> {
    for (const { memory, start, stop } of rest) {
      const pages = this.#mapped[memory];
      const piece = pages === undefined ? pieceBytes : mappedPieceBytes;
      for (let at = start; at < stop; at += piece) {
        const end = Math.min(at + piece, stop);
        this.#aimAt(memory);
        if (pages === undefined) this.#putBackNow(at, end);
        else this.#resetNow(pages, { memory, start: at, stop: end });
        yield;
      }
    }
  }

  #aimAt(memory: number): void {
    this.#memory = memory;
    this.#target = this.#view(memory);
    this.#image = this.#options.first.images[memory];
  }

  #restoreCards(first: number, end: number): void {
    const stop = Math.min(end * cardBytes + cardOverlapBytes, this.#target.length);
    this.#putBack(first * cardBytes, stop);
  }

  #putBack(start: number, stop: number): void {
    this.#atOnceBytes -= stop - start;
    if (this.#atOnceBytes >= 0) this.#putBackNow(start, stop);
    else this.#rest.push({ memory: this.#memory, start, stop });
  }

  #putBackNow(start: number, stop: number): void {
    if (this.#image === undefined) this.#target.fill(0, start, stop);
    else this.#image.copyTo(this.#target, start, stop);
  }

  #resetPages(pages: PageImage, memory: number): void {
    const startedAtMs = performance.now();
    const stop = this.#view(memory).length;
    for (let start = 0; start < stop; start += mappedPieceBytes) {
      if (start > 0 && performance.now() - startedAtMs > atOnceMsMax) {
        this.#rest.push({ memory, start, stop });
        return;
      }
      this.#resetNow(pages, { memory, start, stop: Math.min(start + mappedPieceBytes, stop) });
    }
  }

  #resetNow(pages: PageImage, { memory: number, start, stop }: Stretch): void {
    const memory = this.#options.memories[number];
    if (memory !== undefined && !pages.reset(memory, start, stop)) {
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
    const fresh = buffer === undefined ? noBytes : new Uint8Array(buffer);
    this.#views[memory] = fresh;
    return fresh;
  }
}
