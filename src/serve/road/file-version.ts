/** Validators, preconditions and ranges of static files (RFC 9110, sections 8.8, 13, 14). Pure. */

import { type ContentCoding, codingSuffixes } from '../../http/content-coding.ts';
import { formatHttpDate, parseHttpDate } from '../../http/date.ts';
import { combinedField } from '../../http/fields.ts';
import type { Header } from '../../http/message.ts';

export interface FileVersion {
  /** Weak while the file is so fresh that another write might leave the same facts. */
  readonly etag: string;
  readonly lastModified: string;
  /** A whole second, as dates of HTTP are. */
  readonly modifiedAtMs: number;
  /** Whether nothing was written in the second of `lastModified` but what is there now. */
  readonly isDateStrong: boolean;
  readonly sizeBytes: number;
  /** When it was looked at: milliseconds since the Unix epoch. */
  readonly seenAtMs: number;
}

export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** The smallest part of a file's facts that names its version. */
export interface VersionFacts {
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
  readonly nlink: bigint;
}

/**
 * Within this time of a write, another one may leave the same times behind: file systems count
 * time in steps (RFC 9110, section 8.8.1).
 */
const freshMs = 1_000;
const nsPerMs = 1_000_000n;
const nsPerS = 1_000_000_000n;

/**
 * The validators of a file. Its time of writing alone names no version: whoever copies with times
 * sets it as he likes. The time of change and the inode nobody sets.
 */
export function versionOf(facts: VersionFacts, nowMs: number): FileVersion {
  const { size, mtimeNs, ctimeNs, ino } = facts;
  const tag = [mtimeNs, ctimeNs, ino, size].map((fact) => fact.toString(36)).join('-');
  const isFresh = Number(ctimeNs / nsPerMs) > nowMs - freshMs;
  const modifiedAtMs = Number(mtimeNs / nsPerS) * 1_000;
  // Never later than the Date of the answer (RFC 9110, section 8.8.2.1).
  const shownAtMs = Math.min(modifiedAtMs, Math.floor(nowMs / 1_000) * 1_000);
  return {
    etag: `${isFresh ? 'W/' : ''}"${tag}"`,
    lastModified: formatHttpDate(shownAtMs),
    modifiedAtMs,
    isDateStrong: !isFresh && mtimeNs / nsPerS === ctimeNs / nsPerS,
    sizeBytes: Number(size),
    seenAtMs: nowMs,
  };
}

/**
 * Whether the open file was written between the two looks at it. A name that was added or taken
 * away, as when the file is replaced by renaming, changes no byte of it.
 */
export function isRewritten(before: VersionFacts, after: VersionFacts): boolean {
  if (before.size !== after.size || before.mtimeNs !== after.mtimeNs) return true;
  return before.ctimeNs !== after.ctimeNs && before.nlink === after.nlink;
}

const preconditions = new Set([
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
]);

/** Whether the answer may be one without the file's bytes. */
export function isConditional(headers: readonly Header[]): boolean {
  return headers.some(([name]) => preconditions.has(name));
}

export type PreconditionVerdict = 'proceed' | 'not-modified' | 'failed';

/** RFC 9110, section 13.2.2, for GET and HEAD. */
export function evaluatePreconditions(
  headers: readonly Header[],
  version: FileVersion,
): PreconditionVerdict {
  const ifMatch = combinedField(headers, 'if-match');
  if (ifMatch !== undefined) {
    if (!listHolds(ifMatch, version.etag, 'strong')) return 'failed';
  } else {
    const since = dateOf(headers, 'if-unmodified-since', version.seenAtMs);
    if (since !== undefined && version.modifiedAtMs > since) return 'failed';
  }
  const ifNoneMatch = combinedField(headers, 'if-none-match');
  if (ifNoneMatch !== undefined) {
    return listHolds(withoutCodings(ifNoneMatch), version.etag, 'weak')
      ? 'not-modified'
      : 'proceed';
  }
  // Only the date that was sent with this version. A file may be replaced by an older one, as when
  // a link leads back to the last release: "not since then" would keep the new one for ever.
  const since = dateOf(headers, 'if-modified-since', version.seenAtMs);
  return since === version.modifiedAtMs ? 'not-modified' : 'proceed';
}

/** The ETag of the file's content in a coding: other bytes, another name. */
export function codedEtag(etag: string, coding: ContentCoding): string {
  return `${etag.slice(0, -1)}-${codingSuffixes[coding]}"`;
}

/** Whoever has the content in one coding has the content. */
function withoutCodings(list: string): string {
  return list.replace(/-(?:zst|br|gz)"/g, '"');
}

/**
 * The one byte range asked for; undefined when the whole file is to be sent: no Range, a range of
 * another version (If-Range), several ranges, or none that can be read (RFC 9110, section 14.2).
 */
export function parseRange(
  headers: readonly Header[],
  version: FileVersion,
): ByteRange | 'unsatisfiable' | undefined {
  const range = combinedField(headers, 'range');
  if (range === undefined || !isSameVersion(headers, version)) return undefined;
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range.trim());
  if (match === null) return undefined;
  const [, from = '', to = ''] = match;
  if (from === '' && to === '') return undefined;
  const end = version.sizeBytes - 1;
  if (from === '') {
    const count = Number(to);
    if (count === 0) return 'unsatisfiable';
    // All of nothing: there is no such range to name, so the file is sent whole.
    if (version.sizeBytes === 0) return undefined;
    return { first: Math.max(0, version.sizeBytes - count), last: end };
  }
  const first = Number(from);
  const last = to === '' ? end : Math.min(Number(to), end);
  if (to !== '' && Number(to) < first) return undefined;
  return first > end ? 'unsatisfiable' : { first, last };
}

/** By strong comparison, and an exact match of dates (RFC 9110, section 13.1.5). */
function isSameVersion(headers: readonly Header[], version: FileVersion): boolean {
  const ifRange = combinedField(headers, 'if-range')?.trim();
  if (ifRange === undefined) return true;
  if (ifRange.startsWith('"')) return ifRange === version.etag;
  const date = parseHttpDate(ifRange, version.seenAtMs);
  return version.isDateStrong && date === version.modifiedAtMs;
}

function listHolds(list: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (list.trim() === '*') return true;
  const opaque = withoutWeakness(etag);
  if (comparison === 'strong' && opaque !== etag) return false;
  return list.split(',').some((item) => {
    const tag = item.trim();
    return (comparison === 'weak' ? withoutWeakness(tag) : tag) === opaque;
  });
}

function withoutWeakness(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}

function dateOf(headers: readonly Header[], name: string, nowMs: number): number | undefined {
  const value = combinedField(headers, name);
  return value === undefined ? undefined : parseHttpDate(value.trim(), nowMs);
}
