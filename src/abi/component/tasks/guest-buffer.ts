/** Elements in memory that a stream or a future copies (CanonicalABI.md, "Buffer State"). */
import type { Codec } from '../codec.ts';
import type { Crossing } from '../crossing.ts';

/** What streams and futures carry; one for each type. */
export interface ElementType {
  /** Equal where the types are. */
  readonly key: number;
  /** Undefined where elements have no contents. */
  readonly codec: Codec | undefined;
  /** Whether an element is one byte: then many are copied as one piece. */
  readonly isByte: boolean;
  /** Whether elements are numbers, or nothing: only these may stay inside one instance. */
  readonly isPlain: boolean;
}

/** Of one copy; from CanonicalABI.md, `Buffer.MAX_LENGTH`. */
const elementsMax = 2 ** 28 - 1;
/** What is copied in one go: the thread has others, and copying cannot be put off. */
const copyBytesMax = 1024 * 1024;
const copyElementsMax = 16 * 1024;

export class GuestBuffer {
  readonly crossing: Crossing;
  readonly #element: ElementType;
  readonly #ptr: number;
  readonly #length: number;
  #progress = 0;

  /** Traps where they do not lie in memory, or not at a multiple of their alignment. */
  constructor(
    crossing: Crossing,
    element: ElementType,
    place: { readonly ptr: number; readonly length: number },
  ) {
    const length = place.length >>> 0;
    if (length > elementsMax) {
      crossing.trap(`Cannot copy: at most ${elementsMax} elements at once: received ${length}`);
    }
    const { codec } = element;
    if (codec !== undefined && length > 0) {
      crossing.requireAligned(place.ptr >>> 0, codec.align);
      const bytes = length * codec.size;
      const end = (place.ptr >>> 0) + bytes;
      if (!crossing.memory.reaches(end)) {
        crossing.trap(`Cannot copy: elements lie in linear memory: received an end at ${end}`);
      }
    }
    this.crossing = crossing;
    this.#element = element;
    this.#ptr = place.ptr >>> 0;
    this.#length = length;
  }

  /** How many were copied. */
  get progress(): number {
    return this.#progress;
  }

  get remaining(): number {
    return this.#length - this.#progress;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** A copy of the next `count` bytes, which are passed. Of bytes alone. */
  takeBytes(count: number): Uint8Array {
    const bytes = this.crossing.memory.readBytesPooled(this.#next(), count, count);
    this.#progress += count;
    return bytes;
  }

  /** On the guest's turn. Of bytes alone. */
  putBytes(bytes: Uint8Array): void {
    this.crossing.memory.writeBytes(this.#next(), bytes);
    this.#progress += bytes.length;
  }

  /** The next element, on the guest's turn. */
  takeValue(): unknown {
    const { codec } = this.#element;
    this.crossing.begin();
    const value = codec?.load(this.crossing, this.#next());
    this.#progress += 1;
    return value;
  }

  /** On the guest's turn. */
  putValue(value: unknown): void {
    this.#element.codec?.store(this.crossing, value as never, this.#next());
    this.#progress += 1;
  }

  /** As many elements as this has and `target` has room for, on the guest's turn. */
  copyTo(target: GuestBuffer): void {
    const count = Math.min(this.remaining, target.remaining);
    const { codec, isByte } = this.#element;
    if (codec === undefined) {
      this.#progress += count;
      target.#progress += count;
    } else if (isByte) target.putBytes(this.takeBytes(Math.min(count, copyBytesMax)));
    else {
      this.crossing.begin();
      target.crossing.begin();
      for (let left = Math.min(count, copyElementsMax); left > 0; left -= 1) {
        target.putValue(codec.load(this.crossing, this.#next()));
        this.#progress += 1;
      }
    }
  }

  #next(): number {
    return this.#ptr + this.#progress * (this.#element.codec?.size ?? 0);
  }
}
