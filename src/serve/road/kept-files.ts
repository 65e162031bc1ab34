/**
 * Small files that this thread has in memory, so that a visit opens the file and asks for its facts
 * but reads nothing. Each operation of the file system comes back in a later turn of the event
 * loop, and beside guests that compute a turn is long: what counts is how many there are.
 */
import { OwnedCache } from '../../account/owned-cache.ts';
import type { Site } from '../../site/table.ts';
import type { FileVersion } from './file-version.ts';

export interface ReadBytes {
  readonly bytes: Uint8Array;
  /** Milliseconds since the Unix epoch. */
  readonly readAtMs: number;
}

interface Kept extends ReadBytes {
  readonly etag: string;
}

/** What keeping one takes beside its bytes. */
const entryBytes = 512;
/**
 * What is written through a mapping of the file changes its facts once, or never: whoever kept its
 * bytes by them would show the old ones for ever.
 */
const keptMsMax = 10_000;

/** Whether what was read then may be shown to who looks at the file now, its facts being alike. */
export function isFresh({ readAtMs }: Pick<ReadBytes, 'readAtMs'>, seenAtMs: number): boolean {
  return Math.abs(seenAtMs - readAtMs) <= keptMsMax;
}

export class KeptFiles {
  readonly #files: OwnedCache<string, Kept>;

  /** @param bytesMax of all together; with 0 nothing is kept */
  constructor(bytesMax: number) {
    this.#files = new OwnedCache({
      max: bytesMax,
      sizeOf: ({ bytes }) => bytes.length + entryBytes,
      dispose: () => undefined,
    });
  }

  /** The bytes of the file at that path of the site, where they are those of that version. */
  get({ folderKey }: Site, path: string, version: FileVersion): ReadBytes | undefined {
    const { etag, seenAtMs } = version;
    const kept = this.#files.get(`${folderKey}\0${path}`);
    if (kept?.etag !== etag) return undefined;
    return isFresh(kept, seenAtMs) ? kept : undefined;
  }

  /** Keeps what was read of a version, in place of the one before. */
  add({ folderKey, owner }: Site, path: string, version: FileVersion, bytes: Uint8Array): void {
    const key = `${folderKey}\0${path}`;
    const size = bytes.length + entryBytes;
    // Another write may leave the same weak ETag behind.
    if (version.etag.startsWith('W/') || size > this.#files.max) this.#files.delete(key);
    else this.#files.add(owner, key, { etag: version.etag, bytes, readAtMs: version.seenAtMs });
  }
}
