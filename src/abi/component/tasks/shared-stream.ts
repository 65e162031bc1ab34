/**
 * A stream whose writer is a guest: a meeting of two copies, without a buffer between them
 * (CanonicalABI.md, "Stream State"). The reader is a guest, too, or a sink of the host's.
 */
import type { ElementType } from './guest-buffer.ts';
import { type Copy, copyResults, type ReadableSide, type WritableSide } from './sides.ts';

/** Where the host puts what a guest writes. */
export interface StreamSink {
  /** Bytes that it takes now; 0: not before `whenReady`; undefined: none any more. */
  readonly room: number | undefined;
  /** Resolves when there is room, or will be none. Never rejects. */
  whenReady(): Promise<void>;
  /** Takes bytes over, no more than there is room for. @throws where it takes none any more */
  write(bytes: Uint8Array): void;
  /** All was written. */
  end(): void;
  /** The writer has gone without an end. */
  abandon(): void;
}

/** What is under way outside of the guest; see `Threads.expect`. */
export interface Outside {
  expect(): () => void;
}

/** What a sink is given at once. */
const pieceBytesMax = 64 * 1024;
/** What it is given in a row: copying holds the thread. The guest writes the rest anew. */
const rowBytesMax = 1024 * 1024;

export class SharedStream implements ReadableSide, WritableSide {
  readonly element: ElementType;
  readonly #outside: Outside;
  #isClosed = false;
  #isAbandoned = false;
  #pending: Copy | undefined;
  #sink: StreamSink | undefined;
  #isWaiting = false;

  constructor(element: ElementType, outside: Outside) {
    this.element = element;
    this.#outside = outside;
  }

  read(copy: Copy): void {
    const writer = this.#pending;
    if (this.#isClosed) copy.done(copyResults.dropped);
    else if (writer === undefined) this.#pending = copy;
    else {
      this.#requireApart(copy, writer);
      if (writer.buffer.remaining > 0) this.#meet(writer, copy, writer);
      else this.#replace(copy);
    }
  }

  write(copy: Copy): void {
    const reader = this.#pending;
    if (this.#isClosed) copy.done(copyResults.dropped);
    else if (this.#sink !== undefined) {
      this.#pending = copy;
      this.#drain(this.#sink);
    } else if (reader === undefined) this.#pending = copy;
    else {
      this.#requireApart(copy, reader);
      if (reader.buffer.remaining > 0) this.#meet(copy, reader, reader);
      else if (copy.buffer.isEmpty && reader.buffer.isEmpty) copy.done(copyResults.completed);
      else this.#replace(copy);
    }
  }

  cancelRead(): void {
    this.#settle(copyResults.cancelled);
  }

  cancelWrite(): void {
    this.#settle(copyResults.cancelled);
  }

  closeReader(): void {
    this.#close();
  }

  closeWriter(): void {
    if (!this.#isClosed) this.#sink?.end();
    this.#close();
  }

  abandon(): void {
    if (!this.#isClosed) this.#sink?.abandon();
    this.#isAbandoned = true;
    this.#pending = undefined;
    this.#close();
  }

  /** From now on the host reads, on the guest's turn. */
  attach(sink: StreamSink): void {
    if (this.#isAbandoned) sink.abandon();
    else if (this.#isClosed) sink.end();
    else {
      this.#sink = sink;
      this.#drain(sink);
    }
  }

  /** The sink takes as much as it has room for; the rest when it has more. */
  #drain(sink: StreamSink): void {
    for (let left = rowBytesMax; this.#pending !== undefined && left > 0; left -= pieceBytesMax) {
      const copy = this.#pending;
      const { buffer } = copy;
      if (buffer.remaining === 0 && !buffer.isEmpty) return;
      const { room } = sink;
      if (room === undefined) {
        this.#close();
        return;
      }
      if (room === 0) {
        this.#drainLater(sink);
        return;
      }
      if (buffer.isEmpty) {
        this.#settle(copyResults.completed);
        return;
      }
      try {
        sink.write(buffer.takeBytes(Math.min(room, buffer.remaining, pieceBytesMax)));
      } catch {
        // The sink knows, and says so elsewhere: the writer only learns that nobody reads.
        this.#close();
        return;
      }
      copy.onProgress(() => this.#reclaim(copy));
    }
  }

  #drainLater(sink: StreamSink): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const isOver = this.#outside.expect();
    void sink.whenReady().then(() => {
      isOver();
      this.#isWaiting = false;
      this.#drain(sink);
    });
  }

  #meet(writer: Copy, reader: Copy, pending: Copy): void {
    const active = pending === writer ? reader : writer;
    if (active.buffer.remaining > 0) {
      writer.buffer.copyTo(reader.buffer);
      pending.onProgress(() => this.#reclaim(pending));
    }
    active.done(copyResults.completed);
  }

  /** The pending copy has nothing to give or no room any more: the new one takes its place. */
  #replace(copy: Copy): void {
    this.#settle(copyResults.completed);
    this.#pending = copy;
  }

  #reclaim(copy: Copy): void {
    if (this.#pending === copy) this.#pending = undefined;
  }

  #settle(result: (typeof copyResults)[keyof typeof copyResults]): void {
    const copy = this.#pending;
    this.#pending = undefined;
    if (copy !== undefined) copy.done(result);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#settle(copyResults.dropped);
  }

  /** Values would cross from an instance into itself, while it is in the middle of something. */
  #requireApart(copy: Copy, other: Copy): void {
    if (copy.instance !== other.instance || this.element.isPlain) return;
    const rule = 'a component does not read what it writes itself, but numbers';
    copy.buffer.crossing.trap(`Cannot copy: ${rule}: received values of another type`);
  }
}
