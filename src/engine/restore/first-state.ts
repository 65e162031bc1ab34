/**
 * What the memories of an instance held in its first state, without the zeros at the end. Instances
 * of one artifact nearly always begin alike and share one; an instance whose start function made it
 * differ has its own. All of it is done in pieces: a guest may have 128 MiB, and looking through
 * them takes as long as a thousand short runs.
 */
import { pieceBytes, type Steps } from '../../abi/steps.ts';

const alignBytes = 4096;
const wordBytes = 8;

export class FirstState {
  /** One for each memory; what lies beyond is zero. */
  readonly images: readonly Buffer[];
  readonly byteLength: number;
  /** How large the memories were. */
  readonly memoryBytes: readonly number[];

  private constructor(images: readonly Buffer[], memoryBytes: readonly number[]) {
    this.images = images;
    this.memoryBytes = memoryBytes;
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
    return new FirstState(
      images,
      memories.map(({ buffer }) => buffer.byteLength),
    );
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

/** Bytes up to the last that is not zero, rounded up to whole cards. */
function* usedLength(words: BigUint64Array): Steps<number> {
  let word = words.length - 1;
  while (word >= 0 && words[word] === 0n) {
    word -= 1;
    if ((word * wordBytes) % pieceBytes === 0) yield;
  }
  return Math.ceil(((word + 1) * wordBytes) / alignBytes) * alignBytes;
}
