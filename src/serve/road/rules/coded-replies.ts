/**
 * Answers of modules in a coding of content (`compress = "all"`). Only what a guest hands over
 * whole is coded, at the quickest level, within its run and on its account.
 */
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { acceptedCodings, type ContentCoding } from '../../../http/content-coding.ts';
import { firstField } from '../../../http/fields.ts';
import { isCompressible } from '../../../http/media-types.ts';
import type { Header, ReplyHead, RequestHead } from '../../../http/message.ts';

export interface WholeReply {
  readonly head: ReplyHead;
  readonly body: Uint8Array;
}

/** Turns an answer into the one that is sent. */
export type ReplyCoder = (reply: WholeReply) => WholeReply;

const bodyBytesMin = 1024;
/** More would hold the thread for too long at a stretch: about 5 ms. */
const bodyBytesMax = 512 * 1024;
const statusOk = 200;
/** They say that the content is not the same for all, or must stay as it is. */
const keepsAsIs: ReadonlySet<string> = new Set([
  'accept-ranges',
  'content-encoding',
  'content-range',
  // It names these bytes, and the guest is asked whether it still does.
  'etag',
  'set-cookie',
]);

/**
 * How the answer to `request` is coded; undefined: not at all. Who logs in may see secrets beside
 * what somebody else wrote, and the length of both together would give the secret away (BREACH).
 */
export function replyCoderFor({ headers, method }: RequestHead): ReplyCoder | undefined {
  if (method === 'HEAD') return undefined;
  if (headers.some(([name]) => name === 'cookie' || name === 'authorization')) return undefined;
  const accepted = acceptedCodings(firstField(headers, 'accept-encoding') ?? '');
  // Brotli is too slow for what is sent once.
  const coding = accepted.find((one) => one !== 'br');
  if (coding === undefined) return undefined;
  return (reply) => (mayCode(reply) ? code(reply, coding) : reply);
}

function mayCode({ body, head }: WholeReply): boolean {
  if (head.status !== statusOk || body.length < bodyBytesMin || body.length > bodyBytesMax) {
    return false;
  }
  let isText = false;
  for (const [name, value] of head.headers) {
    const lowerName = name.toLowerCase();
    if (keepsAsIs.has(lowerName)) return false;
    if (lowerName === 'cache-control' && /\bno-transform\b/i.test(value)) return false;
    if (lowerName === 'content-type') {
      isText = isCompressible(value) && !value.startsWith('text/event-stream');
    }
  }
  return isText;
}

function code({ body, head }: WholeReply, coding: ContentCoding): WholeReply {
  const coded = compress(body, coding);
  if (coded.length >= body.length) return { body, head };
  const headers: Header[] = [...head.headers, ['content-encoding', coding]];
  return { head: { ...head, headers }, body: coded };
}

function compress(body: Uint8Array, coding: ContentCoding): Uint8Array {
  if (coding === 'gzip') return gzipSync(body, { level: 1 });
  return zstdCompressSync(body, { params: { [constants.ZSTD_c_compressionLevel]: 3 } });
}
