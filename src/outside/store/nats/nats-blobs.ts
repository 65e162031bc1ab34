/**
 * Whole files by the SHA-256 of their bytes, in an object store of the engine. Edge: NATS. What is
 * read is checked here too: a blob whose bytes do not match its name counts as absent.
 */
import { createHash } from 'node:crypto';
import { jetstream } from '@nats-io/jetstream';
import { type ObjectStore, Objm } from '@nats-io/obj';
import type { Digest } from '../../../names.ts';
import { type Blobs, type StoredBlob, StoreError } from '../contract.ts';
import { unavailable } from '../waiting-writes.ts';
import { EngineError, type Link } from './link.ts';

export interface NatsBlobsOptions {
  readonly link: Link;
  readonly bucket: string;
  readonly replicas: number;
}

/** A blob as large as the largest module takes less than a second on an idle machine. */
const apiMs = 30_000;
/** How long one piece may take to be stored, and how often the whole is tried. */
const pieceMs = 3_000;
const putTriesMax = 5;
/** Nothing of a file arrives for so long: its pieces are looked for anew. */
const stallsMs = [1_000, 3_000, 8_000, 16_000] as const;
/** The engine's words for a message that is not there (any more). */
const absentCodes: ReadonlySet<number> = new Set([10_037, 10_043, 10_057]);

export class NatsBlobs implements Blobs {
  readonly #options: NatsBlobsOptions;
  #store: Promise<ObjectStore> | undefined;

  constructor(options: NatsBlobsOptions) {
    this.#options = options;
  }

  async put(digest: Digest, bytes: Uint8Array): Promise<void> {
    if (digestOf(bytes) !== digest) {
      const rule = 'the bytes must be those of the digest';
      throw new StoreError('refused', `Cannot store: ${rule}: received others`);
    }
    await this.#guarded('store', (store) => putWhole(store, digest, bytes));
  }

  async get(digest: Digest): Promise<Uint8Array | undefined> {
    for (const stallMs of stallsMs) {
      const bytes = await this.#guarded('read', (store) => readWhole(store, digest, stallMs));
      if (bytes === 'stalled') continue;
      return bytes === undefined || digestOf(bytes) !== digest ? undefined : bytes;
    }
    throw unavailable('its engine must send whole files: received a part of one');
  }

  async *list(): AsyncGenerator<StoredBlob> {
    const found = await this.#guarded('list', (store) => store.list());
    for (const { name, mtime, deleted } of found) {
      if (!deleted && isDigest(name)) yield { digest: name, storedAtMs: Date.parse(mtime) };
    }
  }

  /**
   * By the sequence of what names its pieces: where it was stored again at the same moment, that
   * sequence is gone, and the new one is left alone. The vendor's `delete` would take that.
   */
  async remove({ digest, storedAtMs }: StoredBlob): Promise<boolean> {
    return await this.#guarded('remove', async (store) => {
      const info = await store.info(digest);
      if (info === null || info.deleted || Date.parse(info.mtime) !== storedAtMs) return false;
      const { bucket, link } = this.#options;
      const stream = `OBJ_${bucket}`;
      try {
        const question = { seq: info.revision, no_erase: true };
        await link.ask(`STREAM.MSG.DELETE.${stream}`, question, apiMs);
      } catch (error) {
        if (error instanceof EngineError && absentCodes.has(error.code)) return false;
        throw error;
      }
      const pieces = { filter: `$O.${bucket}.C.${info.nuid}` };
      await link.ask(`STREAM.PURGE.${stream}`, pieces, apiMs);
      return true;
    });
  }

  async #guarded<T>(verb: string, work: (store: ObjectStore) => Promise<T>): Promise<T> {
    if (!this.#options.link.isConnected) throw unavailable('it is not connected');
    try {
      this.#store ??= this.#open();
      return await work(await this.#store);
    } catch (cause) {
      if (cause instanceof StoreError) throw cause;
      this.#store = undefined;
      const reason = cause instanceof Error ? cause.message : String(cause);
      const rule = 'its engine must keep whole files';
      throw new StoreError('unavailable', `Cannot ${verb}: ${rule}: received ${reason}`, { cause });
    }
  }

  #open(): Promise<ObjectStore> {
    const { bucket, link, replicas } = this.#options;
    const manager = new Objm(jetstream(link.connection, { timeout: apiMs }));
    return manager.create(bucket, { replicas });
  }
}

/** A piece that meets an election is lost without a word: soon after, all of it is sent again. */
async function putWhole(store: ObjectStore, digest: Digest, bytes: Uint8Array): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      const done = store.putBlob({ name: digest }, bytes, { timeout: pieceMs });
      // The vendor's batches wait for good where the stream has no leader yet.
      if ((await within(done, wholeMs(bytes))) !== undefined) return;
      done.catch(() => undefined);
      throw new Error('nothing within the time that it may take');
    } catch (error) {
      if (tries >= putTriesMax) throw error;
    }
  }
}

/**
 * Undefined: it is not there. Whoever stores it again takes away the pieces of before, and a reader
 * that has just learnt of those waits for them for good: the vendor's `getBlob` has no limit.
 */
async function readWhole(
  store: ObjectStore,
  digest: Digest,
  stallMs: number,
): Promise<Uint8Array | undefined | 'stalled'> {
  const asked = store.get(digest);
  const found = await within(asked, stallMs);
  if (found === undefined) {
    // Whatever it comes to, nobody waits for it any more.
    asked.then((late) => late?.data.cancel()).catch(() => undefined);
    return 'stalled';
  }
  if (found === null) return undefined;
  // The stream tells it too.
  found.error.catch(() => undefined);
  const reader = found.data.getReader();
  const pieces: Uint8Array[] = [];
  for (;;) {
    const piece = await within(reader.read(), stallMs);
    if (piece === undefined) {
      await reader.cancel();
      return 'stalled';
    }
    if (piece.done) return Buffer.concat(pieces);
    pieces.push(piece.value);
  }
}

/** Undefined: it took longer. */
async function within<T>(promise: Promise<T>, limitMs: number): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), limitMs);
  return await Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
}

/** Ten times what an idle machine needs, and some. */
function wholeMs(bytes: Uint8Array): number {
  return 5_000 + bytes.byteLength / 1_000;
}

function isDigest(name: string): name is Digest {
  return /^[0-9a-f]{64}$/.test(name);
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
