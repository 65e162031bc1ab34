/**
 * Files in the codings that clients take. What a folder has beside a file (`app.js.br`) comes
 * first, then what the daemon has compressed; until that is there, a small file is compressed on
 * the spot.
 * Edge: reads files, asks the control plane.
 */

import { constants, zstdCompressSync } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import { OwnedCache } from '../../account/owned-cache.ts';
import { acceptedCodings, type ContentCoding, codingSuffixes } from '../../http/content-coding.ts';
import { firstField } from '../../http/fields.ts';
import type { RequestHead } from '../../http/message.ts';
import { isReadWith } from '../../site/access.ts';
import type { Site } from '../../site/table.ts';
import type { CompressQuestion } from '../../threads/messages.ts';
import {
  digestBytes,
  type FileLook,
  type FileRoute,
  filePathOf,
  type OpenFile,
  type SeenFile,
} from './file-look.ts';
import { isFresh } from './kept-files.ts';

export interface CodedFilesOptions {
  readonly files: FileLook;
  /** Asks the control plane; null: it would be hardly smaller. */
  readonly compress: (question: CompressQuestion) => Promise<Uint8Array | null>;
  /** For what this thread keeps. */
  readonly bytesMax: number;
}

/** What to send in place of the file's own bytes. */
export type CodedContent = { readonly coding: ContentCoding } & (
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** The caller closes. */
  | { readonly kind: 'file'; readonly opened: OpenFile }
);

/** Larger files are not compressed; what the folder has beside them may be of any size. */
const fileBytesMax = 8 * 1024 * 1024;
/** Requests to the control plane under way, each with a file's bytes. */
const asksMax = 4;
/** How long it is taken for true that a file has no sibling in some coding. */
const noSiblingMs = 5_000;
/** How long what could not be compressed is not tried again. */
const notSmallerMs = 600_000;
const namesMax = 10_000;
const headersMax = 256;
const headerCharsMax = 256;
const quickLevel = 3;

interface Kept {
  readonly bytes: Uint8Array;
  /** Of the bytes that it was made of. */
  readonly digest: string;
  /** When the file was last seen to have these: milliseconds since the Unix epoch. */
  readAtMs: number;
}

export class CodedFiles {
  readonly #options: CodedFilesOptions;
  readonly #accepted = new LRUCache<string, readonly ContentCoding[]>({ max: headersMax });
  readonly #withoutSibling = new LRUCache<string, true>({ max: namesMax, ttl: noSiblingMs });
  readonly #notSmaller = new LRUCache<string, true>({ max: namesMax, ttl: notSmallerMs });
  readonly #kept: OwnedCache<string, Kept>;
  /** Looks at files whose bytes were read long ago. */
  readonly #checks = new Map<string, Promise<boolean>>();
  readonly #asking = new Set<string>();

  constructor(options: CodedFilesOptions) {
    this.#options = options;
    this.#kept = new OwnedCache({
      max: options.bytesMax,
      sizeOf: ({ bytes }) => bytes.length,
      dispose: () => undefined,
    });
  }

  /** What the client takes; empty where only the file's own bytes are to be sent. */
  codingsOf({ headers }: RequestHead): readonly ContentCoding[] {
    const accept = firstField(headers, 'accept-encoding');
    // Ranges are those of the file's own bytes.
    if (accept === undefined || firstField(headers, 'range') !== undefined) return [];
    if (accept.length > headerCharsMax) return [];
    let codings = this.#accepted.get(accept);
    if (codings === undefined) {
      codings = acceptedCodings(accept);
      this.#accepted.set(accept, codings);
    }
    return codings;
  }

  /** The file's content in one of `codings`; undefined where there is none at hand. */
  async find(
    site: Site,
    route: FileRoute,
    wanted: { readonly seen: SeenFile; readonly codings: readonly ContentCoding[] },
  ): Promise<CodedContent | undefined> {
    const { codings, seen } = wanted;
    for (const coding of codings) {
      const name = filePathOf(route);
      const path = `${name}.${codingSuffixes[coding]}`;
      // Whoever may read the one may not be meant to read the other.
      if (!isReadWith(site.manifest, name.split('/'), path.split('/'))) continue;
      if (this.#withoutSibling.has(`${site.folderKey}\0${path}`)) continue;
      const sibling = await this.#openSibling(site, path, seen);
      if (sibling !== undefined) return { kind: 'file', coding, opened: sibling };
    }
    const [coding] = codings;
    const { etag, sizeBytes } = seen.version;
    const { bytesMax } = this.#options;
    if (coding === undefined || sizeBytes > fileBytesMax || bytesMax === 0) return undefined;
    const key = `${coding} ${etag} ${site.folderKey}\0${filePathOf(route)}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined && (await this.#isStillThere(site, route, { kept, key, seen }))) {
      return { kind: 'bytes', coding, bytes: kept.bytes };
    }
    if (this.#notSmaller.has(key)) return undefined;
    // While another write may leave the same ETag behind, nothing is kept under it.
    if (!etag.startsWith('W/')) void this.#compress(site, route, { coding, key, etag });
    if (seen.bytes === undefined || !codings.includes('zstd')) return undefined;
    return { kind: 'bytes', coding: 'zstd', bytes: compressQuickly(seen.bytes) };
  }

  /** Whether the file has the bytes that were compressed; a write by mapping leaves its ETag. */
  async #isStillThere(
    site: Site,
    route: FileRoute,
    what: { readonly kept: Kept; readonly key: string; readonly seen: SeenFile },
  ): Promise<boolean> {
    const { kept, key, seen } = what;
    if (isFresh(kept, seen.version.seenAtMs)) return true;
    let check = this.#checks.get(key);
    if (check === undefined) {
      check = this.#check(site, route, what).finally(() => this.#checks.delete(key));
      this.#checks.set(key, check);
    }
    return await check;
  }

  async #check(
    site: Site,
    route: FileRoute,
    { kept, key, seen }: { readonly kept: Kept; readonly key: string; readonly seen: SeenFile },
  ): Promise<boolean> {
    const { bytes, readAtMs, version } = seen;
    const now =
      bytes === undefined
        ? await this.#options.files.digest(site, route, fileBytesMax)
        : { version, digest: digestBytes(bytes) };
    if (now?.version.etag === version.etag && now.digest === kept.digest) {
      kept.readAtMs = readAtMs ?? now.version.seenAtMs;
      return true;
    }
    this.#kept.delete(key);
    return false;
  }

  async #openSibling(site: Site, path: string, seen: SeenFile): Promise<OpenFile | undefined> {
    const segments = path.split('/');
    const opened = await this.#options.files.open(site, {
      kind: 'file',
      segments,
      isDirectory: false,
    });
    if (typeof opened === 'object') {
      // An older one is of an older file.
      if (opened.version.modifiedAtMs >= seen.version.modifiedAtMs) return opened;
      await opened.file.close();
    }
    this.#withoutSibling.set(`${site.folderKey}\0${path}`, true);
    return undefined;
  }

  /** In the background: whoever comes later has the use of it. Never rejects. */
  async #compress(
    site: Site,
    route: FileRoute,
    wanted: { readonly coding: ContentCoding; readonly key: string; readonly etag: string },
  ): Promise<void> {
    const { coding, etag, key } = wanted;
    if (this.#asking.size >= asksMax || this.#asking.has(key)) return;
    this.#asking.add(key);
    try {
      const read = await this.#options.files.readDigested(site, route, fileBytesMax);
      if (read === undefined || read.version.etag !== etag) return;
      const { owner } = site;
      const { digest } = read;
      const bytes = new Uint8Array(read.bytes);
      // The control plane keeps what it made, too: by the bytes, not by what names their version.
      const contentKey = `${coding} ${digest} ${site.folderKey}`;
      const made = await this.#options.compress({
        ...{ ask: 'compress', owner, key: contentKey, coding, bytes },
      });
      if (made === null) this.#notSmaller.set(key, true);
      else if (made.length <= this.#options.bytesMax) {
        const { seenAtMs: readAtMs } = read.version;
        this.#kept.add(owner, key, { bytes: made, digest, readAtMs });
      }
    } catch {
      // Too many wait, or the daemon stops: the file is sent as it is, and asked for again.
    } finally {
      this.#asking.delete(key);
    }
  }
}

/** The largest file takes some tenths of a millisecond, so it is compressed on the spot. */
function compressQuickly(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: quickLevel } });
}
