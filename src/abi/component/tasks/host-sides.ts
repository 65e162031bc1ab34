/** Streams and futures that the host writes and a guest reads. */
import type { ByteSource } from '../streams.ts';
import type { ElementType, GuestBuffer } from './guest-buffer.ts';
import type { FutureListener, SharedFuture } from './shared-future.ts';
import type { Outside, SharedStream, StreamSink } from './shared-stream.ts';
import { type Copy, type CopyResult, copyResults, type ReadableSide } from './sides.ts';

/** What one read is given. */
const readBytesMax = 64 * 1024;

/** What a guest gives the host to read. */
export type StreamSide = SharedStream | HostStream;
export type FutureSide = SharedFuture | HostFuture;

/** Gets the type that the guest has for it. */
export abstract class HostSide implements ReadableSide {
  element: ElementType | undefined;

  abstract read(copy: Copy): void;
  abstract cancelRead(): void;
  abstract closeReader(): void;
}

/** A copy that waits for the host. */
class Waiting {
  #copy: Copy | undefined;
  #isOver: (() => void) | undefined;

  begin(copy: Copy, outside: Outside): void {
    this.#copy = copy;
    this.#isOver = outside.expect();
  }

  finish(finish: (copy: Copy) => CopyResult): void {
    const copy = this.#copy;
    this.#copy = undefined;
    this.#isOver?.();
    copy?.onDone(() => finish(copy));
  }

  is(copy: Copy): boolean {
    return this.#copy === copy;
  }
}

/** Bytes, straight from where they come from into the guest's memory. */
export class HostStream extends HostSide {
  readonly #outside: Outside;
  readonly #waiting = new Waiting();
  #source: ByteSource | undefined;

  constructor(source: ByteSource, outside: Outside) {
    super();
    this.#source = source;
    this.#outside = outside;
  }

  read(copy: Copy): void {
    const { buffer } = copy;
    const now = this.#fill(buffer);
    if (now !== undefined) {
      copy.done(now);
      return;
    }
    this.#waiting.begin(copy, this.#outside);
    void this.#source?.whenReady().then(() => {
      if (!this.#waiting.is(copy)) return;
      this.#waiting.finish(() => this.#fill(buffer) ?? copyResults.completed);
    });
  }

  cancelRead(): void {
    this.#waiting.finish(() => copyResults.cancelled);
  }

  closeReader(): void {
    this.#source?.close?.();
    this.#source = undefined;
  }

  /** What is left of its source, for the host to pass on; the guest's stream is at its end. */
  release(): ByteSource | undefined {
    const source = this.#source;
    this.#source = undefined;
    return source;
  }

  /** Undefined where the guest must wait. Why a stream broke off is said by a future beside it. */
  #fill(buffer: GuestBuffer): CopyResult | undefined {
    const source = this.#source;
    if (source === undefined) return copyResults.dropped;
    if (buffer.isEmpty) return source.isReady ? copyResults.completed : undefined;
    try {
      const bytes = source.take(Math.min(buffer.remaining, readBytesMax));
      if (bytes === undefined) return undefined;
      if (bytes.length > 0) {
        buffer.putBytes(bytes);
        return copyResults.completed;
      }
    } catch {
      // Told by the future.
    }
    this.#source = undefined;
    return copyResults.dropped;
  }
}

/** Values, one after another, as soon as all of them are here. */
export class HostItems extends HostSide {
  readonly #outside: Outside;
  readonly #onClose: () => void;
  readonly #waiting = new Waiting();
  #items: readonly unknown[] | undefined;
  #at = 0;
  #isClosed = false;

  /**
   * @param items Never rejects.
   * @param onClose They are here, and nobody reads any more.
   */
  constructor(
    items: Promise<readonly unknown[]>,
    { outside, onClose }: { readonly outside: Outside; readonly onClose?: () => void },
  ) {
    super();
    this.#outside = outside;
    this.#onClose = onClose ?? (() => undefined);
    void items.then((here) => this.#arrive(here));
  }

  read(copy: Copy): void {
    const items = this.#items;
    if (items === undefined) this.#waiting.begin(copy, this.#outside);
    else copy.onDone(() => this.#give(copy, items));
  }

  cancelRead(): void {
    this.#waiting.finish(() => copyResults.cancelled);
  }

  closeReader(): void {
    this.#isClosed = true;
    if (this.#items !== undefined) this.#onClose();
  }

  #arrive(items: readonly unknown[]): void {
    this.#items = items;
    if (this.#isClosed) this.#onClose();
    else this.#waiting.finish((copy) => this.#give(copy, items));
  }

  #give({ buffer }: Copy, items: readonly unknown[]): CopyResult {
    const isOver = this.#at === items.length;
    for (; buffer.remaining > 0 && this.#at < items.length; this.#at += 1) {
      buffer.putValue(items[this.#at]);
    }
    return isOver ? copyResults.dropped : copyResults.completed;
  }
}

/** Moves all of `source` into `sink`, at the pace of both. Never rejects. */
export async function pump(source: ByteSource, sink: StreamSink): Promise<void> {
  try {
    for (let room = sink.room; room !== undefined; room = sink.room) {
      const bytes = room > 0 ? source.take(Math.min(room, readBytesMax)) : undefined;
      if (bytes === undefined) await (room === 0 ? sink : source).whenReady();
      else if (bytes.length > 0) sink.write(bytes);
      else {
        sink.end();
        return;
      }
    }
  } catch {
    sink.abandon();
  }
}

/** One value, which crosses when the guest takes it. */
export class HostFuture extends HostSide {
  readonly #outside: Outside;
  /** Made when a copy waits: most are never read. */
  #waiting: Waiting | undefined;
  #value: { readonly value: unknown } | undefined;
  #listener: FutureListener | undefined;

  constructor(outside: Outside) {
    super();
    this.#outside = outside;
  }

  /** The first value counts. */
  settle(value: unknown): void {
    if (this.#value !== undefined) return;
    const settled = { value };
    this.#value = settled;
    this.#listener?.onValue(value);
    this.#waiting?.finish((copy) => give(copy, settled.value));
  }

  /** The host itself wants to know; see `SharedFuture.attach`. */
  attach(listener: FutureListener): void {
    if (this.#value === undefined) this.#listener = listener;
    else listener.onValue(this.#value.value);
  }

  read(copy: Copy): void {
    const settled = this.#value;
    if (settled === undefined) {
      this.#waiting ??= new Waiting();
      this.#waiting.begin(copy, this.#outside);
    } else copy.onDone(() => give(copy, settled.value));
  }

  cancelRead(): void {
    this.#waiting?.finish(() => copyResults.cancelled);
  }

  closeReader(): void {
    // What settles it has its own reasons to do so.
  }
}

function give({ buffer }: Copy, value: unknown): CopyResult {
  buffer.putValue(value);
  return copyResults.completed;
}
