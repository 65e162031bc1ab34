/**
 * Looks at the file that a path of a site names. Edge: opens and reads it, through the mount's
 * guard.
 */
import { Buffer } from 'node:buffer';
import { createHash, type Hash } from 'node:crypto';
import { TerrafirmaError } from '../../errors.ts';
import { isCompressible, mediaTypeOf } from '../../http/media-types.ts';
import type { GuardedFile } from '../../outside/mount/guarded-file.ts';
import { type GuardedFs, isUnreachable } from '../../outside/mount/guarded-fs.ts';
import type { MountGuards } from '../../outside/mount/mount-guards.ts';
import { isOpenInside, openSpelled } from '../../outside/mount/open-inside.ts';
import { isReadWith } from '../../site/access.ts';
import { isPrivate } from '../../site/private-files.ts';
import type { Route, Site } from '../../site/table.ts';
import { FilePart, pieceBytes } from './file-part.ts';
import { type FileVersion, type VersionFacts, versionOf } from './file-version.ts';
import { KeptFiles, type ReadBytes } from './kept-files.ts';
import { cacheControlOf } from './rules/caching.ts';

export type FileRoute = Route & { readonly kind: 'file' };

export interface OpenFile {
  readonly file: GuardedFile;
  /** As it was when it was opened. */
  readonly facts: VersionFacts;
  readonly version: FileVersion;
  readonly mediaType: string;
  readonly cacheControl: string;
  /** Whether it may be sent compressed. */
  readonly isCodable: boolean;
}

export interface SeenFile
  extends Pick<OpenFile, 'version' | 'mediaType' | 'cacheControl' | 'isCodable'> {
  /** All of a file of one piece, where they were asked for. */
  readonly bytes?: Uint8Array;
  /** When these were read, which may be before the look: milliseconds since the Unix epoch. */
  readonly readAtMs?: number;
  /** A larger file, where its bytes were asked for. */
  readonly open?: OpenOnce;
}

/** A file whole. */
export interface SmallFile extends Pick<OpenFile, 'version'> {
  readonly bytes: Uint8Array;
}

/** What tells the bytes of a file from others. */
export interface FileDigest extends Pick<OpenFile, 'version'> {
  readonly digest: string;
}

/**
 * 'redirect': it is a directory, asked for without a slash at the end. 'no-index': it is a
 * directory without an index.html. 'changed': it was written while it was read.
 */
export type Seen = SeenFile | 'redirect' | 'no-index' | 'changed';

/** A file that was opened for several askers, of whom the first has it and closes it. */
export class OpenOnce {
  #opened: OpenFile | undefined;

  constructor(opened: OpenFile) {
    this.#opened = opened;
  }

  take(): OpenFile | undefined {
    const opened = this.#opened;
    this.#opened = undefined;
    return opened;
  }
}

/** Smaller files fit into one packet either way. */
const codedBytesMin = 1024;
export const indexName = 'index.html';

export interface FileLookOptions {
  readonly guards: MountGuards;
  /** For small files that are kept in memory as they are. */
  readonly keptBytesMax: number;
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: () => number;
}

/** The path below the folder of the file that answers. */
export function filePathOf({ isDirectory, segments }: FileRoute): string {
  return (isDirectory ? [...segments, indexName] : segments).join('/');
}

export class FileLook {
  readonly #guards: MountGuards;
  readonly #wallMs: () => number;
  readonly #kept: KeptFiles;

  constructor({ guards, keptBytesMax, wallMs }: FileLookOptions) {
    this.#guards = guards;
    this.#wallMs = wallMs;
    this.#kept = new KeptFiles(keptBytesMax);
  }

  /**
   * What is there now. Of the askers who share the answer, the first must take `open`.
   *
   * @throws TerrafirmaError `not-found`, `folder-unreachable`, `overloaded`.
   */
  async look(site: Site, route: FileRoute, wantsBytes: boolean): Promise<Seen> {
    const opened = await this.open(site, route);
    if (opened === 'redirect') return opened;
    if (opened === undefined) {
      // An index.wasm may answer, also while its mount is away.
      if (route.isDirectory) return 'no-index';
      await this.#guardOf(site).requireDirectory(site.directory);
      throw notFound(route);
    }
    const { version, mediaType, cacheControl, isCodable } = opened;
    const seen = { version, mediaType, cacheControl, isCodable };
    if (wantsBytes && version.sizeBytes > pieceBytes) {
      return { ...seen, open: new OpenOnce(opened) };
    }
    try {
      if (!wantsBytes) return seen;
      const read = await this.#bytesOf(site, route, opened);
      if (read === 'changed') return read;
      return { ...seen, bytes: read.bytes, readAtMs: read.readAtMs };
    } catch (error) {
      throw isUnreachable(error) ? unreachable(route, error) : error;
    } finally {
      // Nobody has to wait for it, and it never rejects.
      void opened.file.close();
    }
  }

  /**
   * A small file whole, such as a page that tells of an error; undefined where there is none, or
   * none that can be read now.
   */
  async readSmall(site: Site, route: FileRoute, bytesMax: number): Promise<SmallFile | undefined> {
    return await this.#ofSmall(site, route, { bytesMax, read: readWhole });
  }

  /** The same with a digest of its bytes. */
  async readDigested(
    site: Site,
    route: FileRoute,
    bytesMax: number,
  ): Promise<(SmallFile & FileDigest) | undefined> {
    const hash = startDigest();
    const read = (opened: OpenFile) => readWhole(opened, hash);
    const found = await this.#ofSmall(site, route, { bytesMax, read });
    return found && { ...found, digest: hash.digest('base64') };
  }

  /** The digest alone: little memory is taken, however large the file is. */
  async digest(site: Site, route: FileRoute, bytesMax: number): Promise<FileDigest | undefined> {
    return await this.#ofSmall(site, route, { bytesMax, read: digestWhole });
  }

  async #ofSmall<T extends object>(
    site: Site,
    route: FileRoute,
    how: {
      readonly bytesMax: number;
      readonly read: (opened: OpenFile) => Promise<T | 'changed'>;
    },
  ): Promise<(T & Pick<OpenFile, 'version'>) | undefined> {
    let opened: OpenFile | 'redirect' | undefined;
    try {
      opened = await this.open(site, route);
      if (typeof opened !== 'object' || opened.version.sizeBytes > how.bytesMax) return undefined;
      const found = await how.read(opened);
      return found === 'changed' ? undefined : { ...found, version: opened.version };
    } catch (error) {
      if (isUnreachable(error) || error instanceof TerrafirmaError) return undefined;
      throw error;
    } finally {
      if (typeof opened === 'object') void opened.file.close();
    }
  }

  /**
   * Opens the file; undefined where there is none. The caller closes.
   *
   * @throws TerrafirmaError `folder-unreachable`, `overloaded`.
   */
  async open(site: Site, route: FileRoute): Promise<OpenFile | 'redirect' | undefined> {
    const guard = this.#guardOf(site);
    const segments = route.isDirectory ? [...route.segments, indexName] : route.segments;
    // Whoever asks: a page of an error, or what lies compressed beside a file, is asked for here.
    if (isClosed(site, segments)) return undefined;
    const found = await openSpelled(guard, site.directory, segments).catch((error: unknown) => {
      throw isUnreachable(error) ? unreachable(route, error) : error;
    });
    if (found === undefined) return undefined;
    const { file, path } = found;
    let opened: OpenFile | 'redirect' | undefined;
    try {
      opened = await this.#examine(guard, file, { site, path, route, segments });
    } finally {
      if (typeof opened !== 'object') await file.close();
    }
    return opened;
  }

  async #examine(
    guard: GuardedFs,
    file: GuardedFile,
    place: {
      readonly site: Site;
      readonly path: string;
      readonly route: FileRoute;
      readonly segments: readonly string[];
    },
  ): Promise<OpenFile | 'redirect' | undefined> {
    const { segments: asked, site } = place;
    const inside = {
      directory: site.directory,
      path: place.path,
      // A link may lead only to what whoever asked may read by its own name, too.
      isClosed: (real: readonly string[]) =>
        isClosed(site, real) || !isReadWith(site.manifest, asked, real),
    };
    if (!(await isOpenInside(guard, file, inside))) return undefined;
    const stats = await file.stat();
    if (stats.isDirectory() && !place.route.isDirectory) return 'redirect';
    if (!stats.isFile()) return undefined;
    const name = place.route.isDirectory ? indexName : (place.route.segments.at(-1) ?? '');
    const version = versionOf(stats, this.#wallMs());
    const { anonymousRead, paths } = site.manifest;
    const cacheControl = cacheControlOf(name, anonymousRead && paths.length === 0);
    const mediaType = mediaTypeOf(name);
    const isCodable = version.sizeBytes >= codedBytesMin && isCompressible(mediaType);
    return { file, facts: stats, version, mediaType, cacheControl, isCodable };
  }

  async #bytesOf(site: Site, route: FileRoute, opened: OpenFile): Promise<ReadBytes | 'changed'> {
    const path = filePathOf(route);
    const { version } = opened;
    const kept = this.#kept.get(site, path, version);
    if (kept !== undefined) return kept;
    const read = await readWhole(opened);
    if (read === 'changed') return read;
    this.#kept.add(site, path, version, read.bytes);
    return { ...read, readAtMs: version.seenAtMs };
  }

  #guardOf({ mountDirectory, owner }: Site): GuardedFs {
    return this.#guards.fsOf(mountDirectory, owner);
  }
}

function isClosed({ settings }: Site, segments: readonly string[]): boolean {
  const rules = settings?.privateFiles;
  return rules !== undefined && isPrivate(rules, { segments, isDirectory: false });
}

async function readWhole(
  opened: OpenFile,
  hash?: Hash,
): Promise<Pick<SmallFile, 'bytes'> | 'changed'> {
  const { sizeBytes } = opened.version;
  const part = new FilePart({ ...opened, first: 0, length: sizeBytes });
  const pieces: Uint8Array[] = [];
  for (let length = 0; length < sizeBytes; ) {
    const piece = await part.next();
    if (piece === 'changed') return piece;
    // Piece by piece: all of a large file at once would hold the thread up.
    hash?.update(piece);
    if (piece.length === sizeBytes) return { bytes: piece };
    length += piece.length;
    pieces.push(piece);
  }
  return { bytes: Buffer.concat(pieces) };
}

async function digestWhole(opened: OpenFile): Promise<Pick<FileDigest, 'digest'> | 'changed'> {
  const { sizeBytes } = opened.version;
  const part = new FilePart({ ...opened, first: 0, length: sizeBytes });
  const hash = startDigest();
  for (;;) {
    const piece = await part.next(pieceBytes, true);
    if (piece === 'changed') return piece;
    if (piece.length === 0) return { digest: hash.digest('base64') };
    hash.update(piece);
  }
}

/** Of bytes that are there, as `FileLook.digest` makes it. */
export function digestBytes(bytes: Uint8Array): string {
  return startDigest().update(bytes).digest('base64');
}

function startDigest(): Hash {
  return createHash('sha256');
}

function notFound(route: FileRoute): TerrafirmaError {
  return new TerrafirmaError(
    'not-found',
    `Cannot find the file: received /${route.segments.join('/')}`,
  );
}

export function unreachable(route: FileRoute, cause: unknown): TerrafirmaError {
  const detail = `Cannot read the file /${route.segments.join('/')}: ${String(cause)}`;
  return new TerrafirmaError('folder-unreachable', detail, { cause });
}
