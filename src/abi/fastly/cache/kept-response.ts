/** Responses as the cache keeps them: the head beside the body, as the metadata of the object. */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { FoundObject, ObjectOptions } from '../../../capability/cache/contract.ts';
import type { Backend, ReplyBody, StreamedReply } from '../../../capability/fetch/contract.ts';
import type { ReadBody } from '../../../http/body.ts';
import {
  type CachedReply,
  type ReplyPart,
  replyFromCache,
  without,
} from '../../../http/cached-reply.ts';
import type { CacheableRequest, CacheableResponse, CachePolicy } from '../../../http/caching.ts';
import type { Header } from '../../../http/message.ts';

/** Keys of responses are digests. */
export const responseKeyBytes = 32;
/** So long nobody waits for what turned out to be for one person. */
export const forOneMs = 120_000;

const emptyBody: ReplyBody = {
  knownBytes: 0,
  trailers: [],
  read: () => Promise.resolve(undefined),
  cancel: () => undefined,
};

/**
 * What tells the answers of a back-end's server from those of others. Its name does not: each run
 * may give it to another server. And who could not reach a server, for want of its authority or of
 * a certificate of one's own, must not get what somebody else was answered.
 */
export function serverOf(backend: Backend): string {
  const { address, host, sni, certificateHost, ca, clientCertificate } = backend;
  const { isTls, host: at, port, path } = address;
  return JSON.stringify([isTls, at, port, path, host, sni, certificateHost, ca, clientCertificate]);
}

/** No two lists of parts have the same. */
export function responseKeyOf(...parts: readonly string[]): Uint8Array {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}

export function encodeHead({ headers, status }: CacheableResponse): Uint8Array {
  return Buffer.from(JSON.stringify({ status, headers }));
}

export function headOf({ options }: FoundObject): CacheableResponse {
  // Written by `encodeHead`: guests cannot reach the space of responses in any other way.
  return JSON.parse(Buffer.from(options.metadata).toString()) as CacheableResponse;
}

export function toObjectOptions(
  policy: CachePolicy,
  head: CacheableResponse,
  isSensitive = false,
): ObjectOptions {
  return { ...policy, metadata: encodeHead(head), isSensitive };
}

/** The same object for who has heard more of it, and for nobody else. */
export function retold(found: FoundObject, options: ObjectOptions): FoundObject {
  return {
    ...{ options, hits: found.hits, ageMs: options.initialAgeMs, knownBytes: found.knownBytes },
    ...{ isFresh: true, isUsable: true, isUsableIfError: false },
    open: (range) => found.open(range),
  };
}

/** The kept response for that request; how old it is, and how often it was found, in its head. */
export function replyFor(
  found: FoundObject,
  request: CacheableRequest,
  nowMs: number,
): CachedReply {
  const { ageMs, hits, knownBytes } = found;
  const reply = replyFromCache(request, headOf(found), { bodyBytes: knownBytes, nowMs });
  const headers: readonly Header[] = [
    ...without(reply.headers, ['age', 'x-cache', 'x-cache-hits']),
    ['age', String(Math.floor(ageMs / 1_000))],
    ['x-cache', hits === 0 ? 'MISS' : 'HIT'],
    ['x-cache-hits', String(hits)],
  ];
  return { ...reply, headers };
}

/** What goes with it of the body. */
export async function openPart(found: FoundObject, part: ReplyPart): Promise<ReplyBody> {
  if (part.kind === 'none') return emptyBody;
  const reading = await found.open(part.kind === 'range' ? { from: part.from, to: part.to } : {});
  return new KeptBody(reading);
}

export async function openReply(
  found: FoundObject,
  request: CacheableRequest,
  nowMs: number,
): Promise<StreamedReply> {
  const { headers, part, status } = replyFor(found, request, nowMs);
  return { status, headers, body: await openPart(found, part) };
}

/** Trailers are not kept. */
class KeptBody implements ReplyBody {
  readonly trailers: readonly Header[] = [];
  readonly #reading: ReadBody;

  constructor(reading: ReadBody) {
    this.#reading = reading;
  }

  get knownBytes(): number | undefined {
    return this.#reading.knownBytes;
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#reading.read();
  }

  cancel(): void {
    this.#reading.cancel();
  }
}
