/**
 * What this node last knew of subjects: its own writes, what it read, what it was told. A write is
 * worked out from it and holds only if it is still true; a read may be answered from it while its
 * space is followed. Pure.
 */
import { LRUCache } from 'lru-cache';
import type { Row } from './rows.ts';

/** Together, in bytes. */
const bytesMax = 64 * 1024 * 1024;
const rowBytes = 200;
/** Subjects of which is remembered how new they are. */
const floorsMax = 100_000;
/** How long what was told of a subject is held against an answer that is older. */
const floorKeptMs = 60_000;

export interface KnownRow {
  readonly row: Row;
  readonly atMs: number;
}

interface Floor {
  readonly sequence: number;
  readonly untilMs: number;
}

export class KnownRows {
  readonly #rows = new LRUCache<string, KnownRow>({
    maxSize: bytesMax,
    sizeCalculation: ({ row }, subject) =>
      rowBytes +
      subject.length +
      (row.entry?.value.byteLength ?? 0) +
      (row.entry?.meta?.byteLength ?? 0),
  });
  readonly #floors = new LRUCache<string, Floor>({ max: floorsMax });
  readonly #nowMs: () => number;

  /** @param nowMs Time that only goes on, in milliseconds. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get(subject: string): KnownRow | undefined {
    return this.#rows.get(subject);
  }

  set(subject: string, row: Row): void {
    this.#rows.set(subject, { row, atMs: this.#nowMs() });
  }

  forget(subject: string): void {
    this.#rows.delete(subject);
  }

  /** Nothing lies there any more, and nobody is told so. */
  erase(subject: string): void {
    this.#rows.delete(subject);
    this.#floors.delete(subject);
  }

  /** Nothing is known any more; what was told is remembered. */
  clear(): void {
    this.#rows.clear();
  }

  /**
   * The subject has this sequence now, or a later one. Whether what was known is older.
   *
   * @param goneInMs When the engine removes it by itself: then less is no contradiction.
   */
  raise(subject: string, sequence: number, goneInMs = floorKeptMs): boolean {
    const nowMs = this.#nowMs();
    if (sequence >= this.floorOf(subject)) {
      const untilMs = nowMs + Math.min(floorKeptMs, Math.max(0, goneInMs));
      this.#floors.set(subject, { sequence, untilMs });
    }
    const known = this.#rows.peek(subject);
    if (known === undefined || known.row.sequence >= sequence) return false;
    this.#rows.delete(subject);
    return true;
  }

  /** The least sequence that an answer may have; 0: any. */
  floorOf(subject: string): number {
    const floor = this.#floors.get(subject);
    return floor === undefined || floor.untilMs <= this.#nowMs() ? 0 : floor.sequence;
  }
}
