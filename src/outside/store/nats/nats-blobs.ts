/**
 * Whole files by the SHA-256 of their bytes, in an object store of the engine. Edge: NATS. What is
 * read is checked here too: a blob whose bytes do not match its name counts as absent.
 *
 * The vendor's client has calls for it that wait for good, or for thirty seconds, where the stream
 * has no leader; here every message is asked about again until there is an answer. Several nodes
 * that accept one version at the same moment store it once: who is late finds what names it.
 */
import { randomBytes } from 'node:crypto';
import type { Digest } from '../../../names.ts';
import { type Blobs, type StoredBlob, StoreError } from '../contract.ts';
import { unavailable } from '../waiting-writes.ts';
import { EngineError, type Link, NoAnswer, readAnswer, type Sent } from './link.ts';
import { removeLoosePieces } from './loose-pieces.ts';
import {
  Bucket,
  decodeObject,
  digestOf,
  encodeObject,
  inPieces,
  type StoredObject,
} from './objects.ts';
import { apiFirstMs, untilAnswered } from './patience.ts';
import { readSubjects } from './stream-reading.ts';

export interface NatsBlobsOptions {
  readonly link: Link;
  readonly bucket: string;
}

/** What names the pieces of a file, and where it lies. */
interface Named {
  readonly object: StoredObject | undefined;
  /** 0: there is no such message. */
  readonly sequence: number;
}

/** Longer than an election, and for each megabyte a second. */
const patienceMs = 20_000;
const bytesPerMs = 1_000;
/** A piece waits for the disks of a majority: who asks again sooner only adds to it. */
const pieceFirstMs = 2_000;
const apiMs = 5_000;
const listTriesMax = 5;
/** The engine's words for a message that is not there (any more). */
const absentCodes: ReadonlySet<number> = new Set([10_037, 10_043, 10_057]);
const conflictCodes: ReadonlySet<number> = new Set([10_071, 10_164]);
const fullCodes: ReadonlySet<number> = new Set([10_077, 10_023, 10_047]);

export class NatsBlobs implements Blobs {
  readonly #link: Link;
  readonly #bucket: Bucket;

  constructor({ bucket, link }: NatsBlobsOptions) {
    this.#link = link;
    this.#bucket = new Bucket(bucket);
  }

  async put(digest: Digest, bytes: Uint8Array): Promise<void> {
    if (digestOf(bytes) !== digest) {
      const rule = 'the bytes must be those of the digest';
      throw new StoreError('input', `Cannot store: ${rule}: received others`);
    }
    const untilMs = patientUntil(bytes.byteLength);
    await this.#guarded('store', async () => {
      while (!(await this.#putOnce(digest, bytes, untilMs))) {
        if (performance.now() > untilMs) throw new NoAnswer('others stored it all the time', false);
      }
    });
  }

  async get(digest: Digest): Promise<Uint8Array | undefined> {
    return await this.#guarded('read', async () => {
      for (let last: string | undefined; ; ) {
        const { object } = await this.#find(digest, patientUntil(0));
        // The same pieces as before, which were not whole.
        if (object === undefined || object.id === last) return undefined;
        const bytes = await this.#readPieces(object);
        if (bytes !== undefined && digestOf(bytes) === digest) return bytes;
        last = object.id;
      }
    });
  }

  async *list(): AsyncGenerator<StoredBlob> {
    for (const { digest, storedAtMs } of await this.#guarded('list', () => this.#objects())) {
      yield { digest, storedAtMs };
    }
  }

  /** By the sequence of what names it: where it was stored again since, that is another. */
  async remove({ digest, storedAtMs }: StoredBlob): Promise<boolean> {
    return await this.#guarded('remove', async () => {
      const { object, sequence } = await this.#find(digest, patientUntil(0));
      if (object?.storedAtMs !== storedAtMs) return false;
      try {
        const question = { seq: sequence, no_erase: true };
        await this.#link.ask(`STREAM.MSG.DELETE.${this.#bucket.stream}`, question, apiMs);
      } catch (error) {
        if (error instanceof EngineError && absentCodes.has(error.code)) return false;
        throw error;
      }
      await this.#removePieces(object.id);
      return true;
    });
  }

  async removeLoose(beforeMs: number): Promise<number> {
    return await this.#guarded('remove', async () => {
      const parts = { link: this.#link, bucket: this.#bucket, beforeMs };
      return await removeLoosePieces(parts, async () => {
        const objects = await this.#objects();
        return new Set(objects.map(({ id }) => id));
      });
    });
  }

  /** False: another node stored it in between. */
  async #putOnce(digest: Digest, bytes: Uint8Array, untilMs: number): Promise<boolean> {
    const found = await this.#find(digest, untilMs);
    const { object } = found;
    // It is there: from now on it is as young as if it was stored now.
    if (object !== undefined) {
      const storedAtMs = Math.max(Date.now(), object.storedAtMs + 1);
      return await this.#name({ ...object, storedAtMs }, found, untilMs);
    }
    const pieces = inPieces(bytes);
    const id = randomBytes(16).toString('hex');
    const about = { digest, id, pieces: pieces.length, bytes: bytes.byteLength };
    await this.#putPieces(id, pieces, untilMs);
    if (await this.#name({ ...about, storedAtMs: Date.now() }, found, untilMs)) return true;
    // Perhaps it was this one, at an attempt whose answer was lost.
    const now = await this.#find(digest, untilMs);
    if (now.object?.id === id) return true;
    await this.#removePieces(id);
    return false;
  }

  /** Where they cannot all be stored, what was is of no use: it is removed now, or by a sweep. */
  async #putPieces(id: string, pieces: readonly Uint8Array[], untilMs: number): Promise<void> {
    const subject = this.#bucket.piecesOf(id);
    try {
      for (const [index, payload] of pieces.entries()) {
        const headers = [['Nats-Msg-Id', `${id}-${index}`]] as const;
        await this.#send({ subject, payload, headers }, untilMs);
      }
    } catch (error) {
      void this.#removePieces(id).catch(() => undefined);
      throw error;
    }
  }

  /** Says which pieces the file is, in place of what was `found`. False: that is not there now. */
  async #name(object: StoredObject, { sequence }: Named, untilMs: number): Promise<boolean> {
    const headers = [
      ['Nats-Rollup', 'sub'],
      ['Nats-Expected-Last-Subject-Sequence', String(sequence)],
      ['Nats-Msg-Id', randomBytes(16).toString('hex')],
    ] as const;
    const subject = this.#bucket.objectOf(object.digest);
    const payload = encodeObject(this.#bucket, object);
    try {
      await this.#send({ subject, payload, headers }, untilMs);
      return true;
    } catch (error) {
      if (error instanceof EngineError && conflictCodes.has(error.code)) return false;
      throw error;
    }
  }

  async #send(message: Sent, untilMs: number): Promise<void> {
    const link = this.#link;
    await untilAnswered(link, { untilMs, firstMs: pieceFirstMs }, async (timeoutMs) =>
      readAnswer(await link.request(message, timeoutMs)),
    );
  }

  async #find(digest: Digest, untilMs: number): Promise<Named> {
    const question = { last_by_subj: this.#bucket.objectOf(digest) };
    const found = await this.#message(question, untilMs);
    return { object: found && decodeObject(found.data), sequence: found?.sequence ?? 0 };
  }

  /** Undefined: they are not all there. */
  async #readPieces({ bytes, id, pieces }: StoredObject): Promise<Uint8Array | undefined> {
    const untilMs = patientUntil(bytes);
    const read: Uint8Array[] = [];
    for (let next = 1; read.length < pieces; ) {
      const question = { seq: next, next_by_subj: this.#bucket.piecesOf(id) };
      const piece = await this.#message(question, untilMs);
      if (piece === undefined) return undefined;
      read.push(piece.data);
      next = piece.sequence + 1;
    }
    return Buffer.concat(read);
  }

  /** From the leader. Undefined: there is none. */
  async #message(
    question: unknown,
    untilMs: number,
  ): Promise<{ readonly data: Uint8Array; readonly sequence: number } | undefined> {
    const link = this.#link;
    try {
      const api = `STREAM.MSG.GET.${this.#bucket.stream}`;
      const patience = { untilMs, firstMs: apiFirstMs };
      const answer = await untilAnswered(link, patience, (ms) => link.ask(api, question, ms));
      const { data, seq } = Object(Object(answer).message);
      return { data: Buffer.from(String(data ?? ''), 'base64'), sequence: Number(seq) };
    } catch (error) {
      if (error instanceof EngineError && absentCodes.has(error.code)) return undefined;
      throw error;
    }
  }

  async #objects(): Promise<readonly StoredObject[]> {
    const { allObjects: filter, stream } = this.#bucket;
    for (let tries = 0; tries < listTriesMax; tries += 1) {
      const found = new Map<Digest, StoredObject>();
      const end = await readSubjects(
        this.#link,
        { stream, filter, isHeadersOnly: false },
        (message) => {
          const object = decodeObject(message.data);
          if (object !== undefined) found.set(object.digest, object);
        },
      );
      if (end !== undefined) return [...found.values()];
    }
    throw new NoAnswer('the listing broke off', false);
  }

  async #removePieces(id: string): Promise<void> {
    const filter = { filter: this.#bucket.piecesOf(id) };
    await this.#link.ask(`STREAM.PURGE.${this.#bucket.stream}`, filter, apiMs);
  }

  async #guarded<T>(verb: string, work: () => Promise<T>): Promise<T> {
    if (!this.#link.isConnected) throw unavailable('it is not connected');
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof StoreError) throw cause;
      const kind =
        cause instanceof EngineError && fullCodes.has(cause.code) ? 'full' : 'unavailable';
      const reason = cause instanceof Error ? cause.message : String(cause);
      const rule = 'its engine must keep whole files';
      throw new StoreError(kind, `Cannot ${verb}: ${rule}: received ${reason}`, { cause });
    }
  }
}

function patientUntil(bytes: number): number {
  return performance.now() + patienceMs + bytes / bytesPerMs;
}
