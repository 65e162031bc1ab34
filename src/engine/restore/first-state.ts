/**
 * What the memories of an instance held in its first state. Instances of one artifact nearly always
 * begin alike and share one; an instance whose start function made it differ has its own. All of it
 * is done in pieces: a guest may have 128 MiB, and looking through them takes as long as a thousand
 * short runs.
 */
import { Buffer } from 'node:buffer';
import type { Steps } from '../../abi/steps.ts';
import type { FilledBytes } from '../../wasm/meter/contract.ts';
import { MemoryImage, toPages, usedLength } from './memory-image.ts';

export interface TakeOptions {
  /** Bytes that the image of each memory has at least. */
  readonly lengthsMin?: readonly number[];
  /** Of each memory, what may be other than zero; left out: any of it. */
  readonly filled?: readonly FilledBytes[] | undefined;
}

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
   * With `filled`, nothing else is looked at: a page that nobody has touched is not there, and to
   * look at one takes microseconds.
   */
  static *take(
    memories: readonly WebAssembly.Memory[],
    known: FirstState | undefined,
    { lengthsMin = [], filled }: TakeOptions = {},
  ): Steps<FirstState> {
    const used: Buffer[] = [];
    const lengths = filled?.map(({ to }) => toPages(to)) ?? (yield* FirstState.measure(memories));
    for (const [memory, { buffer }] of memories.entries()) {
      const length = Math.max(lengths[memory] ?? 0, lengthsMin[memory] ?? 0);
      used.push(Buffer.from(buffer, 0, length));
    }
    const starts = filled?.map(({ from }) => from) ?? [];
    if (known !== undefined && (yield* holdSame(used, known.images, starts))) return known;
    const images: MemoryImage[] = [];
    for (const [memory, view] of used.entries()) {
      images.push(yield* MemoryImage.of(view, starts[memory]));
    }
    return new FirstState(
      images,
      memories.map(({ buffer }) => buffer.byteLength),
    );
  }

  /** For each memory the bytes up to the last that is not zero, rounded up to whole cards. */
  static *measure(memories: readonly WebAssembly.Memory[]): Steps<readonly number[]> {
    const lengths: number[] = [];
    for (const { buffer } of memories) lengths.push(yield* usedLength(Buffer.from(buffer)));
    return lengths;
  }
}

function* holdSame(
  views: readonly Buffer[],
  images: readonly MemoryImage[],
  starts: readonly number[],
): Steps<boolean> {
  if (views.length !== images.length) return false;
  for (const [memory, view] of views.entries()) {
    const image = images[memory];
    if (image === undefined || !(yield* image.isSame(view, starts[memory]))) return false;
  }
  return true;
}
