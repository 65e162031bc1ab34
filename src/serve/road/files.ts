/**
 * Static files beside the modules (Terrafirma spec 2.6): types, validators, conditional and range
 * requests (RFC 9110, sections 8.8, 13, 14). Touches the file system, through the mount's guard.
 */

import { TerrafirmaError } from '../../errors.ts';
import { noBytes } from '../../http/body.ts';
import { mediaTypeOf } from '../../http/media-types.ts';
import type { Header, ReplyHead } from '../../http/message.ts';
import { pathOf } from '../../http/target.ts';
import { type GuardedFile, type GuardedFs, isUnreachable } from '../../outside/mount/guarded-fs.ts';
import type { MountGuards } from '../../outside/mount/mount-guards.ts';
import { isOpenInside, openSpelled } from '../../outside/mount/open-inside.ts';
import { isPrivate } from '../../site/private-files.ts';
import type { Route, Site } from '../../site/table.ts';
import type { HttpExchange } from '../exchange.ts';
import { FilePart } from './file-part.ts';
import {
  evaluatePreconditions,
  type FileVersion,
  parseRange,
  type VersionFacts,
  versionOf,
} from './file-version.ts';

type FileRoute = Route & { readonly kind: 'file' };

/** A file that is written while its first piece is read is opened again so often. */
const attemptsMax = 3;
const indexName = 'index.html';
interface OpenFile {
  readonly file: GuardedFile;
  /** As it was when it was opened. */
  readonly facts: VersionFacts;
  readonly version: FileVersion;
  readonly name: string;
}

export class StaticFiles {
  readonly #guards: MountGuards;

  constructor(guards: MountGuards) {
    this.#guards = guards;
  }

  /**
   * Answers with the file, or with its redirect or failure. False, and nothing sent, when the path
   * is a directory without an index.html: its `index.wasm` may have to answer.
   *
   * @throws TerrafirmaError `not-found`, `method-not-allowed`, `range-not-satisfiable`,
   * `folder-unreachable`, `overloaded`.
   */
  async answer(exchange: HttpExchange, site: Site, route: FileRoute): Promise<boolean> {
    for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
      const answered = await this.#tryAnswer(exchange, site, route);
      if (answered !== 'changed') return answered;
    }
    throw unreachable(route, new Error('it is written all the time'));
  }

  /** 'changed', and nothing sent, when the file was written while it was read. */
  async #tryAnswer(
    exchange: HttpExchange,
    site: Site,
    route: FileRoute,
  ): Promise<boolean | 'changed'> {
    const opened = await this.#open(site, route);
    if (opened === 'redirect') {
      redirectToDirectory(exchange);
      return true;
    }
    if (opened === undefined) {
      // An index.wasm may answer, also while its mount is away.
      if (route.isDirectory) return false;
      await this.#guardOf(site).requireDirectory(site.directory);
      throw notFound(route);
    }
    try {
      const { method } = exchange.request;
      if (method !== 'GET' && method !== 'HEAD') throw methodNotAllowed(method);
      return await send(exchange, opened);
    } catch (error) {
      throw isUnreachable(error) ? unreachable(route, error) : error;
    } finally {
      await opened.file.close();
    }
  }

  async #open(site: Site, route: FileRoute): Promise<OpenFile | 'redirect' | undefined> {
    const guard = this.#guardOf(site);
    const segments = route.isDirectory ? [...route.segments, indexName] : route.segments;
    const found = await openSpelled(guard, site.directory, segments).catch((error: unknown) => {
      throw isUnreachable(error) ? unreachable(route, error) : error;
    });
    if (found === undefined) return undefined;
    const { file, path } = found;
    let opened: OpenFile | 'redirect' | undefined;
    try {
      opened = await this.#examine(guard, file, { site, path, route });
    } finally {
      if (typeof opened !== 'object') await file.close();
    }
    return opened;
  }

  async #examine(
    guard: GuardedFs,
    file: GuardedFile,
    place: { readonly site: Site; readonly path: string; readonly route: FileRoute },
  ): Promise<OpenFile | 'redirect' | undefined> {
    const { directory, settings } = place.site;
    const privateFiles = settings?.privateFiles ?? [];
    const isClosed = (segments: readonly string[]): boolean =>
      isPrivate(privateFiles, { segments, isDirectory: false });
    const inside = { directory, path: place.path, isClosed };
    if (!(await isOpenInside(guard, file, inside))) return undefined;
    const stats = await file.stat();
    if (stats.isDirectory() && !place.route.isDirectory) return 'redirect';
    if (!stats.isFile()) return undefined;
    const name = place.route.isDirectory ? indexName : (place.route.segments.at(-1) ?? '');
    return { file, facts: stats, version: versionOf(stats, Date.now()), name };
  }

  #guardOf({ mountDirectory, owner }: Site): GuardedFs {
    return this.#guards.fsOf(mountDirectory, owner);
  }
}

/** Answers with the file; 'changed', and nothing sent, when it was written since it was opened. */
async function send(exchange: HttpExchange, opened: OpenFile): Promise<true | 'changed'> {
  const { version, name } = opened;
  const validators: Header[] = [
    ['etag', version.etag],
    ['last-modified', version.lastModified],
    ['cache-control', 'no-cache'],
    ['accept-ranges', 'bytes'],
  ];
  const { headers, method } = exchange.request;
  const verdict = evaluatePreconditions(headers, version);
  if (verdict !== 'proceed') {
    exchange.send({ status: verdict === 'not-modified' ? 304 : 412, headers: validators }, noBytes);
    return true;
  }
  // For every other method Range means nothing (RFC 9110, section 14.2).
  const range = method === 'GET' ? parseRange(headers, version) : undefined;
  const type: Header = ['content-type', mediaTypeOf(name)];
  const sniff: Header = ['x-content-type-options', 'nosniff'];
  if (range === 'unsatisfiable') {
    const full: Header = ['content-range', `bytes */${version.sizeBytes}`];
    exchange.send({ status: 416, headers: [...validators, full] }, noBytes);
    return true;
  }
  const { first, last } = range ?? { first: 0, last: version.sizeBytes - 1 };
  const length = last - first + 1;
  const head: Header[] = [type, sniff, ...validators, ['content-length', String(length)]];
  if (range !== undefined)
    head.push(['content-range', `bytes ${first}-${last}/${version.sizeBytes}`]);
  const reply = { status: range === undefined ? 200 : 206, headers: head };
  const part = new FilePart({ ...opened, first, length: method === 'HEAD' ? 0 : length });
  return await stream(exchange, reply, part);
}

/** The head goes out with the first piece, so that a file that hangs is told by its status. */
async function stream(
  exchange: HttpExchange,
  reply: ReplyHead,
  part: FilePart,
): Promise<true | 'changed'> {
  let piece = await part.next();
  if (piece === 'changed') return piece;
  exchange.start(reply);
  while (piece.length > 0 && !exchange.isGone) {
    await exchange.write(piece);
    const next = await part.next();
    if (next === 'changed') {
      // The client must see that the answer is not whole.
      exchange.abort();
      return true;
    }
    piece = next;
  }
  exchange.end();
  return true;
}

/** Relative, so that it holds behind a proxy that serves the site under another path. */
function redirectToDirectory(exchange: HttpExchange): void {
  const { target, query } = exchange.request;
  const path = pathOf(target);
  const name = path.slice(path.lastIndexOf('/') + 1);
  const location = `./${name}/${query === '' ? '' : `?${query}`}`;
  exchange.send({ status: 301, headers: [['location', location]] }, noBytes);
}

function methodNotAllowed(method: string): TerrafirmaError {
  return new TerrafirmaError(
    'method-not-allowed',
    `Cannot serve the file: only GET and HEAD are allowed for files: received ${method}`,
  );
}

function notFound(route: FileRoute): TerrafirmaError {
  return new TerrafirmaError(
    'not-found',
    `Cannot find the file: received /${route.segments.join('/')}`,
  );
}

function unreachable(route: FileRoute, cause: unknown): TerrafirmaError {
  const detail = `Cannot read the file /${route.segments.join('/')}: ${String(cause)}`;
  return new TerrafirmaError('folder-unreachable', detail, { cause });
}
