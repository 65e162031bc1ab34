/** Streams of bytes as `wasi:io` has them, over whatever gives or takes the bytes. */
import { noBytes } from '../../http/body.ts';
import { HostResource } from './handles.ts';
import { failed, ok, type Variant } from './results.ts';

export interface ByteSource {
  /**
   * Up to so many bytes that are here; empty at the end, undefined where one must wait.
   *
   * @throws what broke it off
   */
  take(bytesMax: number): Uint8Array | undefined;
  readonly isReady: boolean;
  /** Resolves when `isReady`; never rejects. May be asked again. */
  whenReady(): Promise<void>;
  /** Nobody reads any more. */
  close?(): void;
}

export interface ByteSink {
  /** Bytes that it takes now; 0: not before `whenReady`; undefined: none any more. */
  readonly room: number | undefined;
  /** Resolves when there is room, or will be none. Never rejects. */
  whenReady(): Promise<void>;
  /** Takes bytes over, no more than there is room for. @throws what broke it off */
  write(bytes: Uint8Array): void;
  /** What was written should leave now. */
  flush(): void;
}

/** At its end from the start. */
export const noSource: ByteSource = {
  take: () => noBytes,
  isReady: true,
  whenReady: () => Promise.resolve(),
};

/** What went wrong with a stream; the guest holds it to be shown. */
export class IoError extends HostResource {
  readonly error: unknown;

  constructor(error: unknown) {
    super();
    this.error = error;
  }

  get message(): string {
    return this.error instanceof Error ? this.error.message : String(this.error);
  }
}

const closedError: Variant = { tag: 1, value: undefined };
const readBytesMax = 64 * 1024;
/** As much as one call may write and wait for (wasi:io, `blocking-write-and-flush`). */
export const blockingBytesMax = 4_096;

export class InputStream extends HostResource {
  readonly #source: ByteSource;
  #isClosed = false;

  constructor(source: ByteSource) {
    super();
    this.#source = source;
  }

  get isReady(): boolean {
    return this.#isClosed || this.#source.isReady;
  }

  whenReady(): Promise<void> {
    return this.#isClosed ? Promise.resolve() : this.#source.whenReady();
  }

  /** `result<list<u8>, stream-error>`: maybe no bytes, where none are here. */
  read(bytesMax: bigint): Variant {
    const bytes = this.take(bytesMax);
    return bytes instanceof Uint8Array ? ok(bytes) : bytes;
  }

  /** The bytes, or the failure. */
  take(bytesMax: bigint): Uint8Array | Variant {
    if (this.#isClosed) return failed(closedError);
    const wanted = bytesMax < readBytesMax ? Number(bytesMax) : readBytesMax;
    if (wanted === 0) return noBytes;
    try {
      const bytes = this.#source.take(wanted);
      if (bytes === undefined) return noBytes;
      if (bytes.length > 0) return bytes;
      this.#isClosed = true;
      return failed(closedError);
    } catch (error) {
      this.#isClosed = true;
      return failed({ tag: 0, value: new IoError(error) });
    }
  }

  override drop(): void {
    super.drop();
    this.#source.close?.();
  }
}

export class OutputStream extends HostResource {
  readonly #sink: ByteSink;
  /** What `check-write` has promised. */
  #permitted = 0;
  #isClosed = false;

  constructor(sink: ByteSink) {
    super();
    this.#sink = sink;
  }

  get isReady(): boolean {
    return this.#isClosed || this.#sink.room !== 0;
  }

  whenReady(): Promise<void> {
    return this.isReady ? Promise.resolve() : this.#sink.whenReady();
  }

  /** `result<u64, stream-error>`. */
  checkWrite(): Variant {
    const { room } = this.#sink;
    if (this.#isClosed || room === undefined) return failed(closedError);
    this.#permitted = room;
    return ok(BigInt(room));
  }

  /** Undefined: it was not permitted to write so much, which is the guest's mistake. */
  write(bytes: Uint8Array): Variant | undefined {
    if (this.#isClosed) return failed(closedError);
    if (bytes.length > this.#permitted) return undefined;
    this.#permitted -= bytes.length;
    return this.#put(bytes);
  }

  /** Writes as much of `bytes` as there is room for; how many those were, or the failure. */
  writeSome(bytes: Uint8Array): number | Variant {
    const { room } = this.#sink;
    if (this.#isClosed || room === undefined) return failed(closedError);
    const part = bytes.length <= room ? bytes : bytes.subarray(0, room);
    this.#permitted = 0;
    const result = this.#put(part);
    return result.tag === 0 ? part.length : result;
  }

  /** `result<_, stream-error>`. */
  flush(): Variant {
    if (this.#isClosed || this.#sink.room === undefined) return failed(closedError);
    this.#permitted = 0;
    this.#sink.flush();
    return ok();
  }

  #put(bytes: Uint8Array): Variant {
    try {
      this.#sink.write(bytes);
      return ok();
    } catch (error) {
      this.#isClosed = true;
      return failed({ tag: 0, value: new IoError(error) });
    }
  }
}
