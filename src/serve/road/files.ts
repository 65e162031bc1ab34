/**
 * Static files beside the modules (docs/spec/folders.md, 5): types, validators, conditional and
 * range requests (RFC 9110, sections 8.8, 13, 14). Visitors who want the same file at the same time
 * share a look at it.
 */

import { TerrafirmaError } from '../../errors.ts';
import { noBytes } from '../../http/body.ts';
import type { Header, ReplyHead } from '../../http/message.ts';
import { pathOf } from '../../http/target.ts';
import { isUnreachable } from '../../outside/mount/guarded-fs.ts';
import type { MountGuards } from '../../outside/mount/mount-guards.ts';
import type { Site } from '../../site/table.ts';
import type { HttpExchange } from '../exchange.ts';
import {
  FileLook,
  type FileRoute,
  type OpenFile,
  type Seen,
  type SeenFile,
  unreachable,
} from './file-look.ts';
import { FilePart } from './file-part.ts';
import { evaluatePreconditions, isConditional, parseRange } from './file-version.ts';
import { SharedLooks } from './shared-looks.ts';

/** A file that is written while its first piece is read is opened again so often. */
const attemptsMax = 3;
/** Of a page that tells of an error. */
const pageBytesMax = 256 * 1024;

/** What to answer from a file. */
interface Plan {
  readonly reply: ReplyHead;
  /** Undefined: the answer has no body. */
  readonly part: { readonly first: number; readonly length: number } | undefined;
}

export class StaticFiles {
  readonly #files: FileLook;
  readonly #looks = new SharedLooks<Seen>();

  constructor(guards: MountGuards) {
    this.#files = new FileLook(guards);
  }

  /**
   * Answers with the file, or with its redirect or failure. False, and nothing sent, when the path
   * is a directory without an index.html: its `index.wasm` may have to answer.
   *
   * @throws TerrafirmaError `not-found`, `method-not-allowed`, `folder-unreachable`, `overloaded`.
   */
  async answer(exchange: HttpExchange, site: Site, route: FileRoute): Promise<boolean> {
    const { headers, method } = exchange.request;
    // Most conditional requests need no bytes, and what has no body none at all.
    let wantsBytes = method === 'GET' && !isConditional(headers);
    for (let changes = 0; changes < attemptsMax; ) {
      const seen = await this.#look(site, route, wantsBytes);
      const answered = await this.#answerWith(exchange, seen, { site, route });
      if (typeof answered === 'boolean') return answered;
      if (answered === 'changed') changes += 1;
      else wantsBytes = true;
    }
    throw unreachable(route, new Error('it is written all the time'));
  }

  /** A page that tells of an error; undefined where there is none, or it is too large. */
  readPage(site: Site, route: FileRoute): Promise<Uint8Array | undefined> {
    return this.#files.readSmall(site, route, pageBytesMax);
  }

  #look(site: Site, route: FileRoute, wantsBytes: boolean): Promise<Seen> {
    const { folderKey, generation } = site;
    const kind = `${route.isDirectory ? 'directory' : 'file'} ${wantsBytes}`;
    const key = `${kind} ${generation} ${folderKey}\0${route.segments.join('/')}`;
    return this.#looks.ask(key, () => this.#files.look(site, route, wantsBytes));
  }

  /** 'changed', and nothing sent, when the file was written while it was read. */
  async #answerWith(
    exchange: HttpExchange,
    seen: Seen,
    place: { readonly site: Site; readonly route: FileRoute },
  ): Promise<boolean | 'changed' | 'needs-bytes'> {
    if (seen === 'changed') return seen;
    if (seen === 'no-index') return false;
    if (seen === 'redirect') {
      redirectToDirectory(exchange);
      return true;
    }
    if (seen.open !== undefined) {
      const { site, route } = place;
      const opened = seen.open.take() ?? (await this.#files.open(site, route));
      return typeof opened === 'object' ? stream(exchange, route, opened) : 'changed';
    }
    const { reply, part } = planReply(exchange, seen);
    if (part === undefined) sendEmpty(exchange, reply);
    else if (seen.bytes === undefined) return 'needs-bytes';
    else exchange.send(reply, seen.bytes.subarray(part.first, part.first + part.length));
    return true;
  }
}

function planReply(exchange: HttpExchange, { version, mediaType, cacheControl }: SeenFile): Plan {
  const { headers, method } = exchange.request;
  if (method !== 'GET' && method !== 'HEAD') throw methodNotAllowed(method);
  const validators: Header[] = [
    ['etag', version.etag],
    ['last-modified', version.lastModified],
    ['cache-control', cacheControl],
    ['accept-ranges', 'bytes'],
  ];
  const verdict = evaluatePreconditions(headers, version);
  if (verdict !== 'proceed') {
    const status = verdict === 'not-modified' ? 304 : 412;
    return { reply: { status, headers: validators }, part: undefined };
  }
  const { sizeBytes } = version;
  const head: Header[] = [
    ['content-type', mediaType],
    ['x-content-type-options', 'nosniff'],
    ...validators,
  ];
  // For every other method Range means nothing (RFC 9110, section 14.2).
  if (method === 'HEAD') {
    head.push(['content-length', String(sizeBytes)]);
    return { reply: { status: 200, headers: head }, part: undefined };
  }
  const range = parseRange(headers, version);
  if (range === 'unsatisfiable') {
    validators.push(['content-range', `bytes */${sizeBytes}`]);
    return { reply: { status: 416, headers: validators }, part: undefined };
  }
  if (range === undefined) {
    return { reply: { status: 200, headers: head }, part: { first: 0, length: sizeBytes } };
  }
  const { first, last } = range;
  head.push(['content-range', `bytes ${first}-${last}/${sizeBytes}`]);
  return { reply: { status: 206, headers: head }, part: { first, length: last - first + 1 } };
}

/** An answer to HEAD says how long the body would be. */
function sendEmpty(exchange: HttpExchange, reply: ReplyHead): void {
  if (exchange.request.method !== 'HEAD' || reply.status !== 200) {
    exchange.send(reply, noBytes);
    return;
  }
  exchange.start(reply);
  exchange.end();
}

/** Answers with a file piece by piece, and closes it. */
async function stream(
  exchange: HttpExchange,
  route: FileRoute,
  opened: OpenFile,
): Promise<true | 'changed'> {
  try {
    const { reply, part } = planReply(exchange, opened);
    if (part === undefined) sendEmpty(exchange, reply);
    else {
      const headers = [...reply.headers, ['content-length', String(part.length)] as const];
      return await streamPart(
        exchange,
        { ...reply, headers },
        new FilePart({ ...opened, ...part }),
      );
    }
    return true;
  } catch (error) {
    throw isUnreachable(error) ? unreachable(route, error) : error;
  } finally {
    await opened.file.close();
  }
}

/** The head goes out with the first piece, so that a file that hangs is told by its status. */
async function streamPart(
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
