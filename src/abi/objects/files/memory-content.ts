/**
 * What a file in memory holds, in chunks: a file that grows is never copied whole, which would hold
 * the thread, and what was never written takes no memory.
 */
import { noBytes } from '../../../http/body.ts';

const chunkBytes = 65_536;

export class MemoryContent {
  /** Each as long as what was written to it; what lies beyond is zeros. */
  #chunks: (Uint8Array | undefined)[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Up to `bytesMax` bytes from `position`; fewer only at the end. */
  read(position: number, bytesMax: number): Uint8Array {
    const length = Math.max(0, Math.min(bytesMax, this.#length - position));
    const bytes = new Uint8Array(length);
    for (const { index, from, done, count } of split(position, length)) {
      const chunk = this.#chunks[index];
      if (chunk !== undefined) bytes.set(chunk.subarray(from, from + count), done);
    }
    return bytes;
  }

  write(position: number, bytes: Uint8Array): void {
    for (const { index, from, done, count } of split(position, bytes.length)) {
      this.#openChunk(index, from + count).set(bytes.subarray(done, done + count), from);
    }
    this.#length = Math.max(this.#length, position + bytes.length);
  }

  /** Cuts the end off, or adds zeros. */
  resize(length: number): void {
    if (length < this.#length) {
      const kept = Math.ceil(length / chunkBytes);
      if (this.#chunks.length > kept) this.#chunks.length = kept;
      const last = length % chunkBytes;
      if (last > 0) this.#chunks[kept - 1]?.fill(0, last);
    }
    this.#length = length;
  }

  clear(): void {
    this.#chunks = [];
    this.#length = 0;
  }

  /** The chunk, at least so long. Small ones double: small writes do not copy it each time. */
  #openChunk(index: number, lengthMin: number): Uint8Array {
    const known = this.#chunks[index] ?? noBytes;
    if (known.length >= lengthMin) return known;
    const chunk = new Uint8Array(Math.min(chunkBytes, Math.max(lengthMin, known.length * 2)));
    chunk.set(known);
    this.#chunks[index] = chunk;
    return chunk;
  }
}

interface Part {
  readonly index: number;
  /** In the chunk. */
  readonly from: number;
  /** Bytes in the parts before. */
  readonly done: number;
  readonly count: number;
}

/** The parts of a range that lie in one chunk each. */
function* split(position: number, length: number): Generator<Part> {
  for (let done = 0; done < length; ) {
    const at = position + done;
    const from = at % chunkBytes;
    const count = Math.min(chunkBytes - from, length - done);
    yield { index: Math.floor(at / chunkBytes), from, done, count };
    done += count;
  }
}
