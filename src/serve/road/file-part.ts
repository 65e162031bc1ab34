/**
 * The bytes of an answer from a file, piece by piece, as long as nobody writes into the file: old
 * and new bytes under one ETag must not look like a whole answer. Edge: reads the open file.
 */
import { Buffer } from 'node:buffer';
import { noBytes } from '../../http/body.ts';
import type { GuardedFile } from '../../outside/mount/guarded-file.ts';
import { isRewritten, type VersionFacts } from './file-version.ts';

export const pieceBytes = 64 * 1024;
/** Nobody who takes small pieces keeps a room for large ones. */
const roomPerPieceMax = 2;
/** A large file is looked at now and then, so that nobody loads the rest of what is lost. */
const recheckBytes = 4 * 1024 * 1024;

export interface PartOptions {
  readonly file: GuardedFile;
  /** As the file was when its validators were made. */
  readonly facts: VersionFacts;
  readonly first: number;
  readonly length: number;
}

export class FilePart {
  readonly #options: PartOptions;
  /** Where the last piece was read into. */
  #room: Uint8Array = noBytes;
  #taken = 0;
  #checkedAt = 0;

  constructor(options: PartOptions) {
    this.#options = options;
  }

  /**
   * The next piece; empty at the end of the part. The last one comes only when the file is still
   * what it was: 'changed' says that it was written, or shrank, since its validators were made.
   *
   * @param bytesMax Of the piece.
   * @param isFree Whether nobody looks at the last piece any more: this one takes its place then.
   * @throws The error of the system, or TerrafirmaError `folder-unreachable`.
   */
  async next(bytesMax = pieceBytes, isFree = false): Promise<Uint8Array | 'changed'> {
    const { file, facts, first, length } = this.#options;
    const left = length - this.#taken;
    if (left === 0) return noBytes;
    const piece = this.#roomFor(Math.min(bytesMax, left), isFree);
    const read = await file.read(piece, first + this.#taken);
    if (read === 0) return 'changed';
    this.#taken += read;
    if (this.#taken === length || this.#taken - this.#checkedAt >= recheckBytes) {
      this.#checkedAt = this.#taken;
      if (isRewritten(facts, await file.stat())) return 'changed';
    }
    return read === piece.length ? piece : piece.subarray(0, read);
  }

  #roomFor(bytes: number, isFree: boolean): Uint8Array {
    // Not cleared: nothing of it is seen but what was read. Clearing takes 3 % of a large file.
    const isNew =
      !isFree || this.#room.length < bytes || this.#room.length > roomPerPieceMax * bytes;
    if (isNew) this.#room = Buffer.allocUnsafeSlow(bytes);
    return this.#room.length === bytes ? this.#room : this.#room.subarray(0, bytes);
  }
}
