/**
 * How a whole file lies in an object store of the engine (its ADR-20, as its own tools and clients
 * have it): pieces under a subject of their own, and one message that names them. Pure.
 *
 *     $O.BUCKET.C.ID    the pieces, in order
 *     $O.BUCKET.M.NAME  what they are: the newest holds
 */
import { createHash } from 'node:crypto';
import type { Digest } from '../../../names.ts';

export interface StoredObject {
  readonly digest: Digest;
  /** Of its pieces. */
  readonly id: string;
  readonly pieces: number;
  readonly bytes: number;
  /** Milliseconds since the Unix epoch. */
  readonly storedAtMs: number;
}

/** Well below the smallest `max_payload` of 8 MB, also in the base64 of an answer. */
export const pieceBytes = 1024 * 1024;

export class Bucket {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  get stream(): string {
    return `OBJ_${this.name}`;
  }

  /** Of all pieces. */
  get allPieces(): string {
    return this.piecesOf('>');
  }

  get allObjects(): string {
    return `$O.${this.name}.M.>`;
  }

  piecesOf(id: string): string {
    return `$O.${this.name}.C.${id}`;
  }

  /** Undefined: the subject is of no piece. */
  idOf(subject: string): string | undefined {
    const start = this.piecesOf('');
    return subject.startsWith(start) ? subject.slice(start.length) : undefined;
  }

  objectOf(digest: Digest): string {
    return `$O.${this.name}.M.${padded(Buffer.from(digest).toString('base64url'))}`;
  }
}

export function encodeObject(bucket: Bucket, object: StoredObject): Uint8Array {
  const { bytes, digest, id, pieces, storedAtMs } = object;
  return Buffer.from(
    JSON.stringify({
      ...{ bucket: bucket.name, name: digest, nuid: id, size: bytes, chunks: pieces },
      mtime: new Date(storedAtMs).toISOString(),
      digest: `SHA-256=${padded(Buffer.from(digest, 'hex').toString('base64url'))}`,
      deleted: false,
      description: '',
      options: { max_chunk_size: pieceBytes },
      metadata: {},
    }),
  );
}

/** Undefined: it was deleted, cannot be read, or is no file that goes by its digest. */
export function decodeObject(message: Uint8Array): StoredObject | undefined {
  const { chunks, deleted, mtime, name, nuid: id, size } = parse(message);
  if (deleted === true || !isDigest(name) || typeof id !== 'string') return undefined;
  const [pieces, bytes] = [Number(chunks), Number(size)];
  if (!Number.isSafeInteger(pieces) || !Number.isSafeInteger(bytes)) return undefined;
  return { digest: name, id, pieces, bytes, storedAtMs: Date.parse(String(mtime)) };
}

function parse(message: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(Buffer.from(message).toString()));
  } catch {
    return {};
  }
}

export function inPieces(bytes: Uint8Array): readonly Uint8Array[] {
  const count = Math.ceil(bytes.byteLength / pieceBytes);
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes),
  );
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function isDigest(name: unknown): name is Digest {
  return typeof name === 'string' && /^[0-9a-f]{64}$/.test(name);
}

/** The engine's clients write base64 with its padding. */
function padded(base64: string): string {
  return base64.padEnd(Math.ceil(base64.length / 4) * 4, '=');
}
