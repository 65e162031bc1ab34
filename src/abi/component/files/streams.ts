/** Files as streams of `wasi:io`. */
import { noBytes } from '../../../http/body.ts';
import type { OpenFile } from '../../objects/files/node.ts';
import type { ByteSink, ByteSource } from '../streams.ts';

const pieceBytes = 64 * 1024;

/** Reads on from a place; one piece at a time. */
export class FileSource implements ByteSource {
  readonly #file: OpenFile;
  #position: bigint;
  #piece: Uint8Array | undefined;
  #fault: unknown;
  #reading: Promise<void> | undefined;

  constructor(file: OpenFile, position: bigint) {
    this.#file = file;
    this.#position = position;
  }

  get isReady(): boolean {
    return this.#piece !== undefined || this.#fault !== undefined;
  }

  whenReady(): Promise<void> {
    if (this.isReady) return Promise.resolve();
    this.#reading ??= this.#read();
    return this.#reading;
  }

  take(bytesMax: number): Uint8Array | undefined {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#piece === undefined) {
      void this.whenReady();
      return undefined;
    }
    const taken = this.#piece.subarray(0, bytesMax);
    const rest = this.#piece.subarray(taken.length);
    // At the end it stays at the end.
    if (taken.length > 0) this.#piece = rest.length === 0 ? undefined : rest;
    return taken;
  }

  async #read(): Promise<void> {
    try {
      const piece = await this.#file.read(this.#position, pieceBytes);
      this.#position += BigInt(piece.length);
      this.#piece = piece.length === 0 ? noBytes : piece;
    } catch (error) {
      this.#fault = error;
    }
    this.#reading = undefined;
  }
}

/** Writes on from a place, or at the end wherever that is; what is written is there at once. */
export class FileSink implements ByteSink {
  readonly room = pieceBytes;
  readonly #file: OpenFile;
  #position: bigint | undefined;

  /** @param position Undefined: at the end. */
  constructor(file: OpenFile, position: bigint | undefined) {
    this.#file = file;
    this.#position = position;
  }

  whenReady(): Promise<void> {
    return Promise.resolve();
  }

  write(bytes: Uint8Array): void {
    const position = this.#position ?? endOf(this.#file);
    this.#file.write(position, bytes);
    if (this.#position !== undefined) this.#position += BigInt(bytes.length);
  }

  flush(): void {
    // It is there.
  }
}

/** What can be written to is in memory, and answers at once. */
function endOf(file: OpenFile): bigint {
  const facts = file.facts();
  if (facts instanceof Promise) throw new TypeError('Cannot append: the file is elsewhere');
  return facts.sizeBytes;
}
