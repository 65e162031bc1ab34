/**
 * Static files beside the modules (docs/spec/folders.md, 5): types, validators, conditional and
 * range requests (RFC 9110, sections 8.8, 13, 14). Visitors who want the same file at the same time
 * share a look at it.
 */

import { TerrafirmaError } from '../../errors.ts';
import { noBytes } from '../../http/body.ts';
import type { ContentCoding } from '../../http/content-coding.ts';
import type { Header, ReplyHead } from '../../http/message.ts';
import { pathOf } from '../../http/target.ts';
import { isUnreachable } from '../../outside/mount/guarded-fs.ts';
import type { MountGuards } from '../../outside/mount/mount-guards.ts';
import type { Site } from '../../site/table.ts';
import type { ControlLink } from '../../threads/control-link.ts';
import type { HttpExchange } from '../exchange.ts';
import { CodedFiles } from './coded-files.ts';
import { FileLook, type FileRoute, type Seen, type SeenFile, unreachable } from './file-look.ts';
import { FilePart } from './file-part.ts';
import { codedEtag, evaluatePreconditions, isConditional, parseRange } from './file-version.ts';
import { SharedLooks } from './shared-looks.ts';

/** How often a file is opened that somebody writes while its first piece is read. */
const attemptsMax = 3;
const noCodings: readonly ContentCoding[] = [];
/** Of a page that tells of an error. */
const pageBytesMax = 256 * 1024;

/** What to answer from a file. */
interface Plan {
  readonly reply: ReplyHead;
  /** Undefined: the answer has no body. */
  readonly part: { readonly first: number; readonly length: number } | undefined;
}

export interface StaticFilesOptions {
  readonly guards: MountGuards;
  readonly link: ControlLink;
  readonly wallMs: () => number;
  /** For compressed files that this thread keeps. */
  readonly compressedBytesMax: number;
  /** For small files that this thread keeps as they are. */
  readonly keptBytesMax: number;
}

export class StaticFiles {
  readonly #files: FileLook;
  readonly #looks = new SharedLooks<Seen>();
  readonly #coded: CodedFiles;

  constructor({ compressedBytesMax, link, ...options }: StaticFilesOptions) {
    this.#files = new FileLook(options);
    this.#coded = new CodedFiles({
      ...{ files: this.#files, bytesMax: compressedBytesMax },
      compress: (question) => link.ask(question, `compress ${question.key}`),
    });
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
  async readPage(site: Site, route: FileRoute): Promise<Uint8Array | undefined> {
    return (await this.#files.readSmall(site, route, pageBytesMax))?.bytes;
  }

  #look(site: Site, route: FileRoute, wantsBytes: boolean): Promise<Seen> {
    const { folderKey, generation } = site;
    const kind = `${route.isDirectory ? 'directory' : 'file'} ${wantsBytes}`;
    const key = `${kind} ${generation} ${folderKey}\0${route.segments.join('/')}`;
    return this.#looks.ask(key, () => this.#files.look(site, route, wantsBytes));
  }

  /** A file of several pieces, which was opened for the first of those who asked. */
  async #answerLarge(
    exchange: HttpExchange,
    seen: SeenFile,
    { route, site }: { readonly site: Site; readonly route: FileRoute },
  ): Promise<true | 'changed'> {
    const opened = seen.open?.take() ?? (await this.#files.open(site, route));
    if (typeof opened !== 'object') return 'changed';
    try {
      const { reply, part } = planReply(exchange, opened, site);
      const codings = this.#codingsFor(exchange, opened, { site, reply });
      if (codings.length > 0) {
        const plan = { codings, reply, route, site };
        if (await this.#answerCoded(exchange, opened, plan)) return true;
      }
      if (part === undefined) sendEmpty(exchange, reply, opened.version.sizeBytes);
      else {
        const pieces = new FilePart({ ...opened, ...part });
        return await streamPart(exchange, reply, pieces, part.length);
      }
      return true;
    } catch (error) {
      throw isUnreachable(error) ? unreachable(route, error) : error;
    } finally {
      await opened.file.close();
    }
  }

  /** In which codings the client takes the whole file; none for what is not to be coded. */
  #codingsFor(
    exchange: HttpExchange,
    seen: Pick<SeenFile, 'isCodable'>,
    { reply, site }: { readonly site: Site; readonly reply: ReplyHead },
  ): readonly ContentCoding[] {
    if (!seen.isCodable || reply.status !== 200 || !mayCode(site)) return noCodings;
    return this.#coded.codingsOf(exchange.request);
  }

  /** Answers with the content in one of the codings, if there is one. */
  async #answerCoded(
    exchange: HttpExchange,
    seen: Omit<SeenFile, 'open'>,
    plan: {
      readonly site: Site;
      readonly route: FileRoute;
      readonly reply: ReplyHead;
      readonly codings: readonly ContentCoding[];
    },
  ): Promise<boolean> {
    const { codings, reply, route, site } = plan;
    const found = await this.#coded.find(site, route, { seen, codings });
    if (found === undefined) return false;
    const head = codedReply(reply, seen.version.etag, found.coding);
    if (found.kind === 'bytes') {
      exchange.send(head, found.bytes);
      return true;
    }
    const { opened } = found;
    try {
      const length = exchange.request.method === 'HEAD' ? 0 : opened.version.sizeBytes;
      const part = new FilePart({ ...opened, first: 0, length });
      return (await streamPart(exchange, head, part, opened.version.sizeBytes)) === true;
    } finally {
      await opened.file.close();
    }
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
    if (seen.open !== undefined) return this.#answerLarge(exchange, seen, place);
    const { reply, part } = planReply(exchange, seen, place.site);
    const codings = this.#codingsFor(exchange, seen, { site: place.site, reply });
    if (codings.length > 0) {
      if (await this.#answerCoded(exchange, seen, { ...place, codings, reply })) return true;
    }
    if (part === undefined) sendEmpty(exchange, reply, seen.version.sizeBytes);
    else if (seen.bytes === undefined) return 'needs-bytes';
    else exchange.send(reply, seen.bytes.subarray(part.first, part.first + part.length));
    return true;
  }
}

function planReply(
  exchange: HttpExchange,
  seen: Omit<SeenFile, 'bytes' | 'open'>,
  site: Site,
): Plan {
  const { version, mediaType, cacheControl } = seen;
  const { headers, method } = exchange.request;
  if (method !== 'GET' && method !== 'HEAD') throw methodNotAllowed(method);
  const validators: Header[] = [
    ['etag', version.etag],
    ['last-modified', version.lastModified],
    ['cache-control', cacheControl],
    ['accept-ranges', 'bytes'],
  ];
  if (seen.isCodable && mayCode(site)) validators.push(['vary', 'Accept-Encoding']);
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
function sendEmpty(exchange: HttpExchange, reply: ReplyHead, sizeBytes: number): void {
  if (exchange.request.method !== 'HEAD' || reply.status !== 200) {
    exchange.send(reply, noBytes);
    return;
  }
  exchange.start(reply, sizeBytes);
  exchange.end();
}

/** The head goes out with the first piece, so that a file that hangs is told by its status. */
async function streamPart(
  exchange: HttpExchange,
  reply: ReplyHead,
  part: FilePart,
  bodyBytes: number,
): Promise<true | 'changed'> {
  let piece = await part.next();
  if (piece === 'changed') return piece;
  exchange.start(reply, bodyBytes);
  while (piece.length > 0 && !exchange.isGone) {
    const written = exchange.write(piece);
    if (written !== undefined) await written;
    const { taker } = exchange;
    const next = await part.next(taker?.claimPiece(), taker?.isTaken);
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

function mayCode({ settings }: Site): boolean {
  return settings?.site?.compress !== 'off';
}

/** Ranges are those of the file's own bytes, and so is its ETag. */
function codedReply(reply: ReplyHead, etag: string, coding: ContentCoding): ReplyHead {
  const headers = reply.headers.filter(
    ([name]) => name !== 'accept-ranges' && name !== 'content-length' && name !== 'etag',
  );
  headers.push(['etag', codedEtag(etag, coding)], ['content-encoding', coding]);
  return { ...reply, headers };
}

function methodNotAllowed(method: string): TerrafirmaError {
  return new TerrafirmaError(
    'method-not-allowed',
    `Cannot serve the file: only GET and HEAD are allowed for files: received ${method}`,
  );
}
