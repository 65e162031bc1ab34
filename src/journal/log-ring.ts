/**
 * The newest lines of the log in shared memory, for whoever operates the daemon: the log writer's
 * thread puts them in, the control plane reads them whenever it is asked, and neither waits for the
 * other. A line is named by its place in the stream of all bytes since the start, so that a reader
 * goes on where it was, and knows when it came too late.
 */
import { Buffer } from 'node:buffer';

/** Words of the header, 64 bits each. */
const floorWord = 0;
const endWord = 1;
const headerBytes = 64;
/** A word of 32 bits in the header, on which readers sleep. */
const bellPlace = 32;

const lineEnd = 0x0a;

export function createLogRing(bytesMax: number): SharedArrayBuffer {
  return new SharedArrayBuffer(headerBytes + bytesMax);
}

/** What both ends know. */
class Ring {
  readonly words: BigInt64Array;
  readonly bell: Int32Array;
  readonly bytes: Uint8Array;

  constructor(ring: SharedArrayBuffer) {
    this.words = new BigInt64Array(ring, 0, 2);
    this.bell = new Int32Array(ring, bellPlace, 1);
    this.bytes = new Uint8Array(ring, headerBytes);
  }

  get floor(): number {
    return Number(Atomics.load(this.words, floorWord));
  }

  get end(): number {
    return Number(Atomics.load(this.words, endWord));
  }
}

/** The end of the one thread that writes. */
export class LogRingInput {
  readonly #ring: Ring;

  constructor(ring: SharedArrayBuffer) {
    this.#ring = new Ring(ring);
  }

  /** Puts whole lines in, in place of the oldest. */
  put(lines: Uint8Array): void {
    const { bytes, words, bell } = this.#ring;
    const capacity = bytes.length;
    const end = this.#ring.end + lines.length;
    // Before the bytes themselves: who reads what is being overwritten sees that it is too late.
    Atomics.store(words, floorWord, BigInt(Math.max(this.#ring.floor, end - capacity)));
    const kept = lines.subarray(Math.max(0, lines.length - capacity));
    const start = (end - kept.length) % capacity;
    const first = kept.subarray(0, capacity - start);
    bytes.set(first, start);
    bytes.set(kept.subarray(first.length), 0);
    Atomics.store(words, endWord, BigInt(end));
    Atomics.add(bell, 0, 1);
    Atomics.notify(bell, 0);
  }
}

export interface RingLine {
  /** Where it begins; grows from line to line. */
  readonly place: number;
  /** Without the line end. */
  readonly text: string;
}

export interface RingLines {
  readonly lines: readonly RingLine[];
  /** Where to read on. */
  readonly next: number;
  /** Bytes between where reading was to begin and the first line: too late for them. */
  readonly lostBytes: number;
}

/** The end of those who look. */
export class LogRing {
  readonly #ring: Ring;

  constructor(ring: SharedArrayBuffer) {
    this.#ring = new Ring(ring);
  }

  /** Behind the newest line. */
  get end(): number {
    return this.#ring.end;
  }

  /** The oldest byte that is there; the first whole line may begin after it. */
  get floor(): number {
    return this.#ring.floor;
  }

  /** The lines from `place` on, which must be where a line begins, at most about `bytesMax`. */
  readFrom(place: number, bytesMax: number): RingLines {
    const end = this.#ring.end;
    const from = Math.min(Math.max(place, this.#ring.floor), end);
    const copied = this.#copy(from, Math.min(end, from + bytesMax));
    const floor = this.#ring.floor;
    // Overwritten while it was copied, or never there: begin with the next whole line.
    const valid = Math.max(from, floor);
    const isLate = valid > place;
    const skipped = Math.min(valid - from, copied.length);
    const bytes = copied.subarray(skipped);
    const start = isLate ? bytes.indexOf(lineEnd) + 1 : 0;
    const last = bytes.lastIndexOf(lineEnd) + 1;
    if (last === 0 && from + copied.length < end) {
      // One line is longer than what may be read at once: all of it, then.
      return this.readFrom(place, bytesMax * 2);
    }
    const first = valid + start;
    return {
      lines: splitLines(bytes.subarray(start, last), first),
      next: valid + last,
      lostBytes: isLate ? first - place : 0,
    };
  }

  /**
   * The lines that end before `place`, the newest first, at most about `bytesMax` of them.
   * Undefined when there are none left.
   */
  readBefore(place: number, bytesMax: number): readonly RingLine[] | undefined {
    const floor = this.#ring.floor;
    if (place <= floor) return undefined;
    const from = Math.max(floor, place - bytesMax);
    const copied = this.#copy(from, place);
    const valid = Math.max(from, this.#ring.floor);
    const bytes = copied.subarray(Math.min(valid - from, copied.length));
    // What it begins with may be the end of a line, unless it is the very first of all.
    const start = valid === 0 ? 0 : bytes.subarray(0, -1).indexOf(lineEnd) + 1;
    if (start === 0 && valid > 0) {
      return from > floor ? this.readBefore(place, bytesMax * 2) : undefined;
    }
    return splitLines(bytes.subarray(start), valid + start).reverse();
  }

  /** Resolves when something was put in after `place`, or after `waitMsMax`. */
  async whenMore(place: number, waitMsMax: number): Promise<void> {
    const { bell } = this.#ring;
    const rung = Atomics.load(bell, 0);
    if (this.#ring.end > place) return;
    const { async: isWaiting, value } = Atomics.waitAsync(bell, 0, rung, waitMsMax);
    if (isWaiting) await value;
  }

  #copy(from: number, to: number): Uint8Array {
    const { bytes } = this.#ring;
    const length = Math.max(0, to - from);
    const copy = new Uint8Array(length);
    const start = from % bytes.length;
    const first = bytes.subarray(start, Math.min(start + length, bytes.length));
    copy.set(first);
    copy.set(bytes.subarray(0, length - first.length), first.length);
    return copy;
  }
}

function splitLines(bytes: Uint8Array, firstPlace: number): RingLine[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const lines: RingLine[] = [];
  for (let at = 0; at < buffer.length; ) {
    const found = buffer.indexOf(lineEnd, at);
    const end = found === -1 ? buffer.length : found;
    lines.push({ place: firstPlace + at, text: buffer.toString('utf8', at, end) });
    at = end + 1;
  }
  return lines;
}
