/**
 * Lines on their way from one thread to another, such as the log writer: a ring of bytes in shared
 * memory with one thread at each end. Bounded by its size, and a thread that is ended loses nothing
 * of what it had said: the bytes are not its own. The log writer sleeps on a bell that all share.
 */

/** Plain data, handed to a thread at its start. */
export interface LogQueueMemory {
  readonly ring: SharedArrayBuffer;
  readonly bell: SharedArrayBuffer;
}

/** Words before the bytes of a ring. Both count modulo twice the capacity: full is not empty. */
const writtenWord = 0;
const takenWord = 1;
const headerBytes = 64;

/** Words of the bell. */
const asleepWord = 0;
const closingWord = 1;
const bellBytes = 8;

/** A part of each queue that only the daemon's own important lines may fill. */
const reservedPart = 1 / 8;

const encoder = new TextEncoder();
/** UTF-8 has at most this many bytes for one UTF-16 unit. */
const bytesPerUnitMax = 3;

/** The queues of `count` threads with one bell. */
export function createLogQueues(count: number, bytesMax: number): readonly LogQueueMemory[] {
  const bell = new SharedArrayBuffer(bellBytes);
  return Array.from({ length: count }, () => ({
    ring: new SharedArrayBuffer(headerBytes + bytesMax),
    bell,
  }));
}

/** What both ends of a ring know. */
class Ring {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly capacity: number;

  constructor(ring: SharedArrayBuffer) {
    this.words = new Int32Array(ring, 0, headerBytes / 4);
    this.bytes = new Uint8Array(ring, headerBytes);
    this.capacity = this.bytes.length;
  }

  get used(): number {
    const written = Atomics.load(this.words, writtenWord);
    const taken = Atomics.load(this.words, takenWord);
    return (written - taken + 2 * this.capacity) % (2 * this.capacity);
  }

  advance(word: number, byteCount: number): void {
    const next = (Atomics.load(this.words, word) + byteCount) % (2 * this.capacity);
    Atomics.store(this.words, word, next);
  }

  position(word: number): number {
    return Atomics.load(this.words, word) % this.capacity;
  }
}

/** The end at which one thread puts its lines. */
export class LogQueueInput {
  readonly #ring: Ring;
  readonly #bell: Int32Array;
  readonly #reservedBytes: number;

  constructor(memory: LogQueueMemory) {
    this.#ring = new Ring(memory.ring);
    this.#bell = new Int32Array(memory.bell);
    this.#reservedBytes = Math.floor(this.#ring.capacity * reservedPart);
  }

  /** Whether an important line of `byteCount` would have room now. */
  hasRoom(byteCount: number): boolean {
    return this.#ring.capacity - this.#ring.used >= byteCount;
  }

  /** Puts the line in. Returns its size in bytes, or 0 when there is no room. Never waits. */
  put(line: string, isImportant: boolean): number {
    const ring = this.#ring;
    const free = ring.capacity - ring.used - (isImportant ? 0 : this.#reservedBytes);
    if (line.length > free) return 0;
    const start = ring.position(writtenWord);
    const bytesMax = line.length * bytesPerUnitMax;
    const byteCount =
      bytesMax <= Math.min(free, ring.capacity - start)
        ? encoder.encodeInto(line, ring.bytes.subarray(start, start + bytesMax)).written
        : this.#putInPieces(encoder.encode(line), { start, free });
    if (byteCount === 0) return 0;
    // Last of all: a thread that is ended before this has said nothing, and never half a line.
    ring.advance(writtenWord, byteCount);
    this.#wake();
    return byteCount;
  }

  #putInPieces(bytes: Uint8Array, at: { readonly start: number; readonly free: number }): number {
    if (bytes.length > at.free) return 0;
    const first = bytes.subarray(0, this.#ring.capacity - at.start);
    this.#ring.bytes.set(first, at.start);
    this.#ring.bytes.set(bytes.subarray(first.length), 0);
    return bytes.length;
  }

  #wake(): void {
    const isAsleep = Atomics.load(this.#bell, asleepWord) === 1;
    if (isAsleep && Atomics.compareExchange(this.#bell, asleepWord, 1, 0) === 1) {
      Atomics.notify(this.#bell, asleepWord);
    }
  }
}

/** The end at which the writer takes them: whole lines, as bytes. */
export class LogQueueOutput {
  readonly #ring: Ring;

  constructor(memory: LogQueueMemory) {
    this.#ring = new Ring(memory.ring);
  }

  get isEmpty(): boolean {
    return this.#ring.used === 0;
  }

  /**
   * The lines that are there, whole, at most about `bytesMax` (one line always), where they lie:
   * not to be looked at after `release`. They stay until then: a writer that crashes between says
   * them twice rather than never.
   */
  view(bytesMax: number): Uint8Array {
    const ring = this.#ring;
    const { used } = ring;
    const start = ring.position(takenWord);
    let length = Math.min(used, bytesMax);
    while (length < used && this.#byteAt(start + length - 1) !== lineEnd) length += 1;
    const first = ring.bytes.subarray(start, Math.min(start + length, ring.capacity));
    if (first.length === length) return first;
    // They go on at the beginning of the ring.
    const copy = new Uint8Array(length);
    copy.set(first);
    copy.set(ring.bytes.subarray(0, length - first.length), first.length);
    return copy;
  }

  /** A copy of the same. */
  peek(bytesMax: number): Uint8Array {
    return new Uint8Array(this.view(bytesMax));
  }

  release(byteCount: number): void {
    this.#ring.advance(takenWord, byteCount);
  }

  #byteAt(position: number): number | undefined {
    return this.#ring.bytes[position % this.#ring.capacity];
  }
}

const lineEnd = 0x0a;

/** What the writer sleeps on. Blocks the thread that waits: for the writer's own thread alone. */
export class LogBell {
  readonly #words: Int32Array;

  constructor(memory: Pick<LogQueueMemory, 'bell'>) {
    this.#words = new Int32Array(memory.bell);
  }

  get isClosing(): boolean {
    return Atomics.load(this.#words, closingWord) === 1;
  }

  /** Sleeps until a line is put into an empty queue, or the bell closes, at most `timeoutMs`. */
  sleep(areEmpty: () => boolean, timeoutMs: number): void {
    Atomics.store(this.#words, asleepWord, 1);
    // Looked at once more after the word was set: a line put in between would wake nobody.
    if (areEmpty() && !this.isClosing) Atomics.wait(this.#words, asleepWord, 1, timeoutMs);
    Atomics.store(this.#words, asleepWord, 0);
  }

  /** Sleeps whatever comes in, but for the end. */
  pause(timeoutMs: number): void {
    Atomics.wait(this.#words, closingWord, 0, timeoutMs);
  }

  /** The writer is to write what is there, and end. */
  close(): void {
    Atomics.store(this.#words, closingWord, 1);
    Atomics.notify(this.#words, closingWord);
    Atomics.store(this.#words, asleepWord, 0);
    Atomics.notify(this.#words, asleepWord);
  }
}
