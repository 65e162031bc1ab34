/** Parts that wait for something, within a number of traces and of bytes; the oldest come first. */
import type { TraceLines } from './trace-lines.ts';

export interface TraceBounds {
  readonly countMax: number;
  readonly bytesMax: number;
}

export class TraceQueue {
  readonly #bounds: TraceBounds;
  readonly #parts: TraceLines[] = [];
  #count = 0;
  #bytes = 0;

  constructor(bounds: TraceBounds) {
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#count;
  }

  get parts(): readonly TraceLines[] {
    return this.#parts;
  }

  /** Whether all of it has room; nothing is kept of it where not. */
  hasRoom({ bytes, count }: TraceLines): boolean {
    const { bytesMax, countMax } = this.#bounds;
    return this.#count + count <= countMax && this.#bytes + bytes.length <= bytesMax;
  }

  /** Whether there is as much as that. */
  fills({ bytesMax, countMax }: TraceBounds): boolean {
    return this.#count >= countMax || this.#bytes >= bytesMax;
  }

  push(part: TraceLines): void {
    this.#parts.push(part);
    this.#count += part.count;
    this.#bytes += part.bytes.length;
  }

  /** The oldest, as many as are within `bounds`, and one in any case. They stay. */
  first(bounds: TraceBounds): readonly TraceLines[] {
    let count = 0;
    let bytes = 0;
    const end = this.#parts.findIndex((part) => {
      count += part.count;
      bytes += part.bytes.length;
      return count > bounds.countMax || bytes > bounds.bytesMax;
    });
    return this.#parts.slice(0, end === -1 ? undefined : Math.max(end, 1));
  }

  /** Takes as many of the oldest out. */
  shift(partCount: number): void {
    for (const { bytes, count } of this.#parts.splice(0, partCount)) {
      this.#count -= count;
      this.#bytes -= bytes.length;
    }
  }
}
