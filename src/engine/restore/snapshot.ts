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
const nothing: readonly never[] = [];
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
  readonly #memories: SnapshotOptions['memories'];
  readonly #first: FirstState;
  readonly #marks: SnapshotOptions['marks'];
  /** The images that the memories were mapped to. */
  readonly #mapped: readonly (PageImage | undefined)[];
  /** Made when it is first put back. */
  #views: (Uint8Array | undefined)[] | undefined;
  #visit: ((first: number, end: number) => void) | undefined;
  #memory = 0;
  #target: Uint8Array = noBytes;
  #image: MemoryImage | undefined;
  /** Bytes that may still be put back at once. */
  #atOnceBytes = 0;
  #rest: readonly Stretch[] = nothing;

  constructor(options: SnapshotOptions) {
    const { memories, first, marks, pages: images } = options;
    this.#memories = memories;
    this.#first = first;
    this.#marks = marks;
    const mapped = memories.map((memory, number) => {
      const pages = images[number];
      return pages?.map(memory) === true ? pages : undefined;
    });
    this.#mapped = mapped.some((pages) => pages !== undefined) ? mapped : nothing;
    for (const [number, each] of marks.entries()) {
      if (each !== undefined) first.images[number]?.touch(each);
    }
    if (marks.some((each) => each !== undefined)) this.mode = 'cards';
    else this.mode = this.#mapped[0] === undefined ? 'copy' : 'copy-on-write';
  }

  /**
   * Puts back as much as may be done at once; then the guest is in its first state but for
   * `takeRest`. Answers how many pages were written, or undefined where that is not known.
   */
  restore(): number | undefined {
    const memories = this.#memories;
    this.#atOnceBytes = atOnceBytesMax;
    this.#visit ??= (first, end) => this.#restoreCards(first, end);
    let written: number | undefined;
    for (let memory = 0; memory < memories.length; memory += 1) {
      const pages = this.#mapped[memory];
      if (pages !== undefined) {
        this.#resetPages(pages, memory);
        continue;
      }
      this.#aimAt(memory);
      const marks = this.#marks[memory];
      const drained = marks?.drain(this.#visit, this.#target.length / cardBytes);
      marks?.leave();
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
    let bytes = 0;
    for (let memory = 0; memory < this.#memories.length; memory += 1) {
      if (this.#mapped[memory] !== undefined) continue;
      const touched = this.#marks[memory]?.touchedCount;
      const length = this.#view(memory).length;
      bytes += touched === undefined ? length : Math.min(touched * systemPageBytes, length);
    }
    return bytes;
  }

  /** Fills memories that hold no more than a new instance does, and are not mapped. */
  *fill(): Steps<void> {
    for (let memory = 0; memory < this.#memories.length; memory += 1) {
      if (this.#mapped[memory] !== undefined) continue;
      const stop = this.#first.images[memory]?.length ?? 0;
      this.#marks[memory]?.touch(0, stop / systemPageBytes);
      yield* this.#putBackRest([{ memory, start: 0, stop }]);
    }
  }

  /** What the last `restore` left to do; undefined where that is nothing. */
  takeRest(): Steps<void> | undefined {
    if (this.#rest.length === 0) return undefined;
    const rest = this.#rest;
    this.#rest = nothing;
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
    this.#image = this.#first.images[memory];
  }

  #restoreCards(first: number, end: number): void {
    const stop = Math.min(end * cardBytes + cardOverlapBytes, this.#target.length);
    this.#putBack(first * cardBytes, stop);
  }

  #putBack(start: number, stop: number): void {
    this.#atOnceBytes -= stop - start;
    if (this.#atOnceBytes >= 0) this.#putBackNow(start, stop);
    else this.#rest = this.#rest.concat({ memory: this.#memory, start, stop });
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
        this.#rest = this.#rest.concat({ memory, start, stop });
        return;
      }
      this.#resetNow(pages, { memory, start, stop: Math.min(start + mappedPieceBytes, stop) });
    }
  }

  #resetNow(pages: PageImage, { memory: number, start, stop }: Stretch): void {
    const memory = this.#memories[number];
    if (memory !== undefined && !pages.reset(memory, start, stop)) {
      // A memory that was not put back must never serve again: whoever asked discards it.
      throw new Error('Cannot restore the memory: the system refused to take its pages back');
    }
  }

  /** All of the memory now; a new view only where it grew. */
  #view(memory: number): Uint8Array {
    this.#views ??= this.#memories.map(() => undefined);
    const view = this.#views[memory];
    // Growing detaches the buffer, and the view has no length any more.
    if (view !== undefined && view.length > 0) return view;
    const buffer = this.#memories[memory]?.buffer;
    const fresh = buffer === undefined ? noBytes : new Uint8Array(buffer);
    this.#views[memory] = fresh;
    return fresh;
  }
}
