/**
 * What the memories of an instance held in its first state. Instances of one artifact nearly always
 * begin alike and share one; an instance whose start function made it differ has its own. All of it
 * is done in pieces: a guest may have 128 MiB, and looking through them takes as long as a thousand
 * short runs.
 */
import { Buffer } from 'node:buffer';
import type { Steps } from '../../abi/steps.ts';
import { MemoryImage, usedLength } from './memory-image.ts';

export class FirstState {
  /** One for each memory. */
  readonly images: readonly MemoryImage[];
  readonly byteLength: number;
  /** How large the memories were. */
  readonly memoryBytes: readonly number[];

  private constructor(images: readonly MemoryImage[], memoryBytes: readonly number[]) {
    this.images = images;
    this.memoryBytes = memoryBytes;
    this.byteLength = images.reduce((sum, { bytes }) => sum + bytes.length, 0);
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
    const images: MemoryImage[] = [];
    for (const view of used) images.push(yield* MemoryImage.of(view));
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

function* holdSame(views: readonly Buffer[], images: readonly MemoryImage[]): Steps<boolean> {
  if (views.length !== images.length) return false;
  for (const [memory, view] of views.entries()) {
    const image = images[memory];
    if (image === undefined || !(yield* image.isSame(view))) return false;
  }
  return true;
}
