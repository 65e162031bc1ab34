/**
 * What the memories of an instance held in its first state, without the zeros at the end. Instances
 * of one artifact nearly always begin alike and share one; an instance whose start function made it
 * differ has its own.
 */

const alignBytes = 4096;

export class FirstState {
  /** One for each memory; what lies beyond is zero. */
  readonly images: readonly Buffer[];
  readonly byteLength: number;

  private constructor(images: readonly Buffer[]) {
    this.images = images;
    this.byteLength = images.reduce((sum, image) => sum + image.length, 0);
  }

  /** Copies what `memories` hold now, or answers `known` where that is the same. */
  static take(memories: readonly WebAssembly.Memory[], known: FirstState | undefined): FirstState {
    const views = memories.map((memory) => Buffer.from(memory.buffer));
    if (known !== undefined && holdSame(views, known.images)) return known;
    return new FirstState(views.map((view) => Buffer.from(view.subarray(0, usedLength(view)))));
  }
}

function holdSame(views: readonly Buffer[], images: readonly Buffer[]): boolean {
  return views.every((view, memory) => {
    const image = images[memory];
    if (image === undefined || usedLength(view) !== image.length) return false;
    return image.compare(view, 0, image.length) === 0;
  });
}

/** Bytes up to the last that is not zero, rounded up to whole cards. */
function usedLength(view: Buffer): number {
  const words = new BigUint64Array(view.buffer, view.byteOffset, view.length / 8);
  let word = words.length - 1;
  while (word >= 0 && words[word] === 0n) word -= 1;
  return Math.ceil(((word + 1) * 8) / alignBytes) * alignBytes;
}
