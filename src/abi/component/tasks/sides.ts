/** What an end of a stream or a future does its copies with: another guest, or the host. */
import type { ElementType, GuestBuffer } from './guest-buffer.ts';

/** How a copy ended; as guests are told of it. */
export const copyResults = { completed: 0, dropped: 1, cancelled: 2 } as const;

export type CopyResult = (typeof copyResults)[keyof typeof copyResults];

/** A copy that an end has begun, seen from the other side. */
export interface Copy {
  readonly buffer: GuestBuffer;
  /** Component instance of the guest. */
  readonly instance: number;
  /** Some elements were copied; the copy goes on until the guest takes the news of it. */
  onProgress(reclaim: () => void): void;
  /** It is over. What is still to be done for that is done on the guest's turn. */
  onDone(finish: () => CopyResult): void;
  /** The same where nothing is still to be done. */
  done(result: CopyResult): void;
}

export interface ReadableSide {
  /** Undefined of what the host has made, until it is given to a guest. */
  readonly element: ElementType | undefined;
  read(copy: Copy): void;
  /** The copy under way is given up: it is done at once. */
  cancelRead(): void;
  /** Nobody reads any more. */
  closeReader(): void;
}

export interface WritableSide {
  readonly element: ElementType | undefined;
  write(copy: Copy): void;
  cancelWrite(): void;
  /** The good end: all was written. */
  closeWriter(): void;
  /** The bad end: the run is over, and this is not. */
  abandon(): void;
}
