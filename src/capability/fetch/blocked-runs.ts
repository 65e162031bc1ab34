/**
 * Which runs wait for a request that itself waits for a seat on another thread, by their names, in
 * memory that all threads see. Names share places: a run may be taken for one that waits, which
 * costs a refusal where all seats are taken, and never the other way round. What a thread noted
 * that broke down stays.
 */

const places = 4_096;

export class BlockedRuns {
  readonly #counts: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#counts = new Int32Array(memory);
  }

  static createMemory(): SharedArrayBuffer {
    return new SharedArrayBuffer(places * Int32Array.BYTES_PER_ELEMENT);
  }

  has(name: string): boolean {
    return Atomics.load(this.#counts, placeOf(name)) > 0;
  }

  add(name: string): void {
    Atomics.add(this.#counts, placeOf(name), 1);
  }

  delete(name: string): void {
    Atomics.sub(this.#counts, placeOf(name), 1);
  }
}

/** Names are random. */
function placeOf(name: string): number {
  return Buffer.from(name, 'base64url').readUInt16LE(0) % places;
}
