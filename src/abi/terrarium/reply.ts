/** The answer that is sent when `run` has ended, with what the guest left unsaid filled in. */

import { isUtf8 } from 'node:buffer';
import { TerrafirmaError } from '../../errors.ts';
import { noBytes } from '../../http/body.ts';
import type { Header, ReplyHead } from '../../http/message.ts';
import { statusHasBody } from '../../http/status.ts';
import type { OutgoingReply } from './run.ts';

const statusDefault = 200;

/** How far a tag and control bytes are looked for: a guest must not choose how long that takes. */
const htmlBytesLookedAt = 512;
const controlBytesLookedAt = 65_536;
const textBytesLookedAt = 1_048_576;

const htmlStart = new RegExp(
  '^(?:\\ufeff)?[\\t\\n\\f\\r ]*<(?:!doctype html|!--|(?:html|head|title|style|script|link|meta' +
    '|body|header|main|nav|section|article|aside|footer|h[1-6]|p|div|span|a|b|i|em|strong|br|hr' +
    '|ul|ol|li|dl|table|form|pre|code|blockquote|img|picture|video|iframe|font)(?=[\\s/>]))',
  'i',
);

/** @throws TerrafirmaError `reply-too-large`, `overloaded` when the last body was refused */
export function completeReply(reply: OutgoingReply): { head: ReplyHead; body: Uint8Array } {
  const status = reply.status ?? statusDefault;
  if (reply.body === undefined) throw new TerrafirmaError(reply.refusal);
  const body = statusHasBody(status) ? reply.body : noBytes;
  const headers: Header[] = reply.headers.toLines();
  if (body.length > 0 && !reply.headers.has('content-type')) {
    headers.push(['content-type', guessContentType(body)]);
  }
  return { head: { status, headers }, body };
}

/** What a browser may take `body` for; it may not guess by itself. */
export function guessContentType(body: Uint8Array): string {
  const start = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (htmlStart.test(start.toString('utf8', 0, htmlBytesLookedAt))) {
    return 'text/html; charset=utf-8';
  }
  if (hasControlByte(body) || !isTextStart(body)) return 'application/octet-stream';
  return 'text/plain; charset=utf-8';
}

/** Whether the beginning is UTF-8; a sequence of up to four bytes may be cut at its end. */
function isTextStart(body: Uint8Array): boolean {
  if (body.length <= textBytesLookedAt) return isUtf8(body);
  for (let cut = 0; cut < 4; cut += 1) {
    if (isUtf8(body.subarray(0, textBytesLookedAt - cut))) return true;
  }
  return false;
}

/** Tab, line feed, form feed and carriage return are text. */
function hasControlByte(body: Uint8Array): boolean {
  const end = Math.min(body.length, controlBytesLookedAt);
  for (let index = 0; index < end; index += 1) {
    const byte = body[index] ?? 0;
    if (byte === 0x7f) return true;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d)
      return true;
  }
  return false;
}
