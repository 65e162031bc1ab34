/** A future whose writer is a guest: one value (CanonicalABI.md, "Future State"). */
import type { ElementType } from './guest-buffer.ts';
import { type Copy, copyResults, type ReadableSide, type WritableSide } from './sides.ts';

/** The host's wish to know the value. */
export interface FutureListener {
  /** On the guest's turn. */
  onValue(value: unknown): void;
  /** The run is over, and there was none. */
  onAbandoned(): void;
}

export class SharedFuture implements ReadableSide, WritableSide {
  readonly element: ElementType;
  #isClosed = false;
  #isAbandoned = false;
  #pending: Copy | undefined;
  #listener: FutureListener | undefined;

  constructor(element: ElementType) {
    this.element = element;
  }

  read(copy: Copy): void {
    const writer = this.#pending;
    if (writer === undefined) this.#pending = copy;
    else this.#meet(writer, copy, copy);
  }

  write(copy: Copy): void {
    const reader = this.#pending;
    const listener = this.#listener;
    if (listener !== undefined) {
      this.#listener = undefined;
      const value = copy.buffer.takeValue();
      copy.done(copyResults.completed);
      listener.onValue(value);
    } else if (this.#isClosed) copy.done(copyResults.dropped);
    else if (reader === undefined) this.#pending = copy;
    else this.#meet(copy, reader, copy);
  }

  cancelRead(): void {
    this.#settle(copyResults.cancelled);
  }

  cancelWrite(): void {
    this.#settle(copyResults.cancelled);
  }

  closeReader(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#settle(copyResults.dropped);
  }

  /** It was written, or its reader has gone. */
  closeWriter(): void {
    this.#isClosed = true;
  }

  abandon(): void {
    this.#isAbandoned = true;
    this.#pending = undefined;
    this.#listener?.onAbandoned();
    this.#listener = undefined;
  }

  /** From now on the host reads, on the guest's turn. */
  attach(listener: FutureListener): void {
    if (this.#isAbandoned) {
      listener.onAbandoned();
      return;
    }
    const writer = this.#pending;
    if (writer === undefined) {
      this.#listener = listener;
      return;
    }
    this.#pending = undefined;
    const value = writer.buffer.takeValue();
    writer.done(copyResults.completed);
    listener.onValue(value);
  }

  #meet(writer: Copy, reader: Copy, active: Copy): void {
    if (writer.instance === reader.instance && !this.element.isPlain) {
      const rule = 'a component does not read what it writes itself, but numbers';
      active.buffer.crossing.trap(`Cannot copy: ${rule}: received a value of another type`);
    }
    writer.buffer.copyTo(reader.buffer);
    this.#settle(copyResults.completed);
    active.done(copyResults.completed);
  }

  #settle(result: (typeof copyResults)[keyof typeof copyResults]): void {
    const copy = this.#pending;
    this.#pending = undefined;
    if (copy !== undefined) copy.done(result);
  }
}
