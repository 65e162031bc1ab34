/**
 * What the memories of an instance held in its first state, without the zeros at the end. Instances
 * of one artifact nearly always begin alike and share one; an instance whose start function made it
 * differ has its own. All of it is done in pieces: a guest may have 128 MiB, and looking through
 * them takes as long as a thousand short runs.
 */
import { pieceBytes, type Steps } from '../../abi/steps.ts';
import type { CardMarks } from './card-table.ts';

const alignBytes = 4096;
const wordBytes = 8;
const zeros = Buffer.alloc(alignBytes);

export class FirstState {
  /** One for each memory; what lies beyond is zero. */
  readonly images: readonly Buffer[];
  readonly byteLength: number;
  /** How large the memories were. */
  readonly memoryBytes: readonly number[];
  /** Of each image, which of its cards are not all zero. */
  readonly #used: readonly Uint8Array[];

  private constructor(
    images: readonly Buffer[],
    memoryBytes: readonly number[],
    used: readonly Uint8Array[],
  ) {
    this.images = images;
    this.memoryBytes = memoryBytes;
    this.#used = used;
    this.byteLength = images.reduce((sum, image) => sum + image.length, 0);
  }

  /**
   * Copies what `memories` hold now, or answers `known` where that is the same.
   *
   * @param lengthsMin Bytes that the image of each memory has at least.
   */
  static *take(
    memories: readonly WebAssembly.Memory[],
    known: FirstState | undefined,
    lengthsMin: readonly number[] = [],
  ): Steps<FirstState> {
    const used: Buffer[] = [];
    for (const [memory, length] of (yield* FirstState.measure(memories)).entries()) {
      const { buffer } = memories[memory] ?? { buffer: new ArrayBuffer(0) };
      used.push(Buffer.from(buffer, 0, Math.max(length, lengthsMin[memory] ?? 0)));
    }
    if (known !== undefined && (yield* holdSame(used, known.images))) return known;
    const images: Buffer[] = [];
    for (const view of used) images.push(yield* copyOf(view));
    const usedCards: Uint8Array[] = [];
    for (const image of images) usedCards.push(yield* findUsed(image));
    const memoryBytes = memories.map(({ buffer }) => buffer.byteLength);
    return new FirstState(images, memoryBytes, usedCards);
  }

  /** Tells `marks` which cards of memory number `memory` any new instance has written to. */
  touch(memory: number, marks: CardMarks): void {
    const used = this.#used[memory] ?? new Uint8Array(0);
    for (let card = 0; card < used.length; card += 1) {
      if (used[card] === 1) marks.touch(card, card + 1);
    }
  }

  /** For each memory the bytes up to the last that is not zero, rounded up to whole cards. */
  static *measure(memories: readonly WebAssembly.Memory[]): Steps<readonly number[]> {
    const lengths: number[] = [];
    for (const { buffer } of memories) lengths.push(yield* usedLength(new BigUint64Array(buffer)));
    return lengths;
  }
}

function* holdSame(views: readonly Buffer[], images: readonly Buffer[]): Steps<boolean> {
  const haveSameLength = views.every(({ length }, memory) => length === images[memory]?.length);
  if (!haveSameLength) return false;
  for (const [memory, view] of views.entries()) {
    const image = images[memory] ?? view;
    for (let at = 0; at < view.length; at += pieceBytes) {
      const end = Math.min(at + pieceBytes, view.length);
      if (image.compare(view, at, end, at, end) !== 0) return false;
      yield;
    }
  }
  return true;
}

function* copyOf(view: Buffer): Steps<Buffer> {
  const copy = Buffer.allocUnsafeSlow(view.length);
  for (let at = 0; at < view.length; at += pieceBytes) {
    view.copy(copy, at, at, Math.min(at + pieceBytes, view.length));
    yield;
  }
  return copy;
}

function* findUsed(image: Buffer): Steps<Uint8Array> {
  const used = new Uint8Array(image.length / alignBytes);
  for (let card = 0; card < used.length; card += 1) {
    const start = card * alignBytes;
    used[card] = image.compare(zeros, 0, alignBytes, start, start + alignBytes) === 0 ? 0 : 1;
    if (start % pieceBytes === 0) yield;
  }
  return used;
}

/** Bytes up to the last that is not zero, rounded up to whole cards. */
function* usedLength(words: BigUint64Array): Steps<number> {
  let word = words.length - 1;
  while (word >= 0 && words[word] === 0n) {
    word -= 1;
    if ((word * wordBytes) % pieceBytes === 0) yield;
  }
  return Math.ceil(((word + 1) * wordBytes) / alignBytes) * alignBytes;
}
