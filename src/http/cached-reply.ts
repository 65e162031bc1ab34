/**
 * From a response that is kept: the answer to who asks now, the question whether it still holds,
 * and what it becomes where the server says yes (RFC 9110, sections 13 and 14; RFC 9111, section
 * 4.3). Pure.
 */
import type { CacheableRequest, CacheableResponse } from './caching.ts';
import { parseHttpDate } from './date.ts';
import { combinedField, firstField } from './fields.ts';
import type { Header } from './message.ts';

/** What of the kept body goes with it: all, nothing, or a part, the last byte included. */
export type ReplyPart =
  | { readonly kind: 'all' }
  | { readonly kind: 'none' }
  | { readonly kind: 'range'; readonly from: number; readonly to: number };

export interface CachedReply extends CacheableResponse {
  readonly part: ReplyPart;
}

const all: ReplyPart = { kind: 'all' };
const none: ReplyPart = { kind: 'none' };

/** Of a request, what is about what the client has already. */
const conditionNames: ReadonlySet<string> = new Set([
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'range',
]);
/** What a 304 says that is not of the kept body (RFC 9111, section 3.2). */
const notUpdated: ReadonlySet<string> = new Set([
  'content-length',
  'content-encoding',
  'content-type',
  'content-range',
]);

/** The kept response for that request: whole, a part, or that nothing has changed. */
export function replyFromCache(
  request: CacheableRequest,
  kept: CacheableResponse,
  { bodyBytes, nowMs }: { readonly bodyBytes: number | undefined; readonly nowMs: number },
): CachedReply {
  const reply = { status: kept.status, headers: kept.headers };
  if (kept.status !== 200) return { ...reply, part: request.method === 'HEAD' ? none : all };
  if (isUnchanged(request.headers, kept.headers, nowMs)) {
    const headers = kept.headers.filter(([name]) => !name.startsWith('content-'));
    return { status: 304, headers, part: none };
  }
  if (request.method === 'HEAD') return { ...reply, part: none };
  const range = rangeOf(request.headers, kept.headers, bodyBytes);
  if (range === undefined || bodyBytes === undefined) return { ...reply, part: all };
  if (range === 'none') {
    const headers = without(kept.headers, ['content-length', 'content-encoding', 'content-type']);
    return {
      status: 416,
      headers: [...headers, ['content-range', `bytes */${bodyBytes}`], ['content-length', '0']],
      part: none,
    };
  }
  const { from, to } = range;
  const headers = without(kept.headers, ['content-length', 'content-range']);
  return {
    status: 206,
    headers: [
      ...headers,
      ['content-range', `bytes ${from}-${to}/${bodyBytes}`],
      ['content-length', String(to - from + 1)],
    ],
    part: { kind: 'range', from, to },
  };
}

/** What to ask the server: all of it, or, of what is kept, whether it still holds. */
export function backendHeaders(
  headers: readonly Header[],
  kept: CacheableResponse | undefined,
): readonly Header[] {
  const plain = headers.filter(([name]) => !conditionNames.has(name));
  if (kept === undefined) return plain;
  const tag = firstField(kept.headers, 'etag');
  const modified = firstField(kept.headers, 'last-modified');
  return [
    ...plain,
    ...(tag === undefined ? [] : [['if-none-match', tag] as const]),
    ...(modified === undefined ? [] : [['if-modified-since', modified] as const]),
  ];
}

/** Whether one can ask if it still holds. */
export function hasValidator({ headers }: CacheableResponse): boolean {
  return ['etag', 'last-modified'].some((name) => firstField(headers, name) !== undefined);
}

/** The kept response with what a 304 says. */
export function refreshed(kept: CacheableResponse, fresh: CacheableResponse): CacheableResponse {
  const said = fresh.headers.filter(([name]) => !notUpdated.has(name));
  const names = new Set(said.map(([name]) => name));
  names.add('age');
  return {
    status: kept.status,
    headers: [...kept.headers.filter(([name]) => !names.has(name)), ...said],
  };
}

export function without(headers: readonly Header[], names: readonly string[]): readonly Header[] {
  return headers.filter(([name]) => !names.includes(name));
}

function isUnchanged(asked: readonly Header[], kept: readonly Header[], nowMs: number): boolean {
  const tags = combinedField(asked, 'if-none-match');
  if (tags !== undefined) return matches(tags, firstField(kept, 'etag'));
  const since = timeOf(asked, 'if-modified-since', nowMs);
  const modified = timeOf(kept, 'last-modified', nowMs);
  return since !== undefined && modified !== undefined && modified <= since;
}

/** Weakly: RFC 9110, section 8.8.3.2. */
function matches(tags: string, tag: string | undefined): boolean {
  if (tags.trim() === '*') return true;
  if (tag === undefined) return false;
  const plain = tag.replace(/^W\//, '');
  return (tags.match(/(?:W\/)?"[^"]*"/g) ?? []).some((one) => one.replace(/^W\//, '') === plain);
}

type Range = { readonly from: number; readonly to: number } | 'none' | undefined;

/** One range of bytes; several, and what is no range, are passed over (section 14.2). */
function rangeOf(
  asked: readonly Header[],
  kept: readonly Header[],
  length: number | undefined,
): Range {
  const text = firstField(asked, 'range');
  if (text === undefined || length === undefined || !isForThis(asked, kept)) return undefined;
  const [, first = '', last = ''] =
    /^bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/i.exec(text) ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const from = Math.max(0, length - Number(last));
    return Number(last) === 0 || length === 0 ? 'none' : { from, to: length - 1 };
  }
  const from = Number(first);
  if (last !== '' && Number(last) < from) return undefined;
  if (from >= length) return 'none';
  return { from, to: last === '' ? length - 1 : Math.min(Number(last), length - 1) };
}

/** If-Range: a strong tag, or the very time. */
function isForThis(asked: readonly Header[], kept: readonly Header[]): boolean {
  const wanted = firstField(asked, 'if-range');
  if (wanted === undefined) return true;
  if (wanted.startsWith('"')) return firstField(kept, 'etag') === wanted;
  return !wanted.startsWith('W/') && firstField(kept, 'last-modified') === wanted;
}

function timeOf(headers: readonly Header[], name: string, nowMs: number): number | undefined {
  const text = firstField(headers, name);
  return text === undefined ? undefined : parseHttpDate(text, nowMs);
}
