/** The answer that is sent when `run` has ended, with what the guest left unsaid filled in. */

import { Buffer, isUtf8 } from 'node:buffer';
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
  const taken = reply.takeBody();
  if (taken === undefined) throw new TerrafirmaError(reply.refusal);
  const body = statusHasBody(status) ? taken : noBytes;
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

/** Four bytes at a time, as nearly all of a text may be looked at. */
function hasControlByte(body: Uint8Array): boolean {
  const end = Math.min(body.length, controlBytesLookedAt);
  const wordsFrom = Math.min(end, -body.byteOffset & 3);
  const wordCount = (end - wordsFrom) >> 2;
  if (hasControlIn(body, 0, wordsFrom)) return true;
  // A shorter body may end before the first whole word, where none may begin.
  if (wordCount === 0) return hasControlIn(body, wordsFrom, end);
  const words = new Int32Array(body.buffer, body.byteOffset + wordsFrom, wordCount);
  for (let index = 0; index < wordCount; index += 1) {
    const word = words[index] ?? 0;
    // The top bits of bytes below 0x20, and of those that are 0x7f; carries find some too many.
    const low = (word - 0x2020_2020) & ~word;
    const deleted = word ^ 0x7f7f_7f7f;
    const found = (low | ((deleted - 0x0101_0101) & ~deleted)) & 0x8080_8080;
    if (found === 0) continue;
    const at = wordsFrom + index * 4;
    if (hasControlIn(body, at, at + 4)) return true;
  }
  return hasControlIn(body, wordsFrom + wordCount * 4, end);
}

/** Tab, line feed, form feed and carriage return are text. */
function hasControlIn(body: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) {
    const byte = body[index] ?? 0;
    if (byte === 0x7f) return true;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d)
      return true;
  }
  return false;
}
