/**
 * Which runs wait for a request that itself waits for a seat on another thread, by their names, in
 * memory that all threads see. Names share places: a run may be taken for one that waits, which
 * costs a refusal where all seats are taken, and never the other way round. What a thread noted
 * that broke down stays.
 *
 * Names reach servers that guests ask, who may send them again at any time and as many as they have
 * seen. So a name counts only while its run goes on: nobody can mark more places than he has runs.
 */
import { Buffer } from 'node:buffer';

const places = 4_096;
const bytes = places * Int32Array.BYTES_PER_ELEMENT;

export class BlockedRuns {
  readonly #blocked: Int32Array;
  readonly #underWay: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#blocked = new Int32Array(memory, 0, places);
    this.#underWay = new Int32Array(memory, bytes, places);
  }

  static createMemory(): SharedArrayBuffer {
    return new SharedArrayBuffer(2 * bytes);
  }

  /** The run has this name from now on, until its end. */
  begin(name: string): void {
    Atomics.add(this.#underWay, placeOf(name), 1);
  }

  end(name: string): void {
    Atomics.sub(this.#underWay, placeOf(name), 1);
  }

  isUnderWay(name: string): boolean {
    return Atomics.load(this.#underWay, placeOf(name)) > 0;
  }

  has(name: string): boolean {
    return Atomics.load(this.#blocked, placeOf(name)) > 0;
  }

  add(name: string): void {
    Atomics.add(this.#blocked, placeOf(name), 1);
  }

  delete(name: string): void {
    Atomics.sub(this.#blocked, placeOf(name), 1);
  }
}

/** Names are random. */
function placeOf(name: string): number {
  return Buffer.from(name, 'base64url').readUInt16LE(0) % places;
}
