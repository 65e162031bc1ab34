/** Validators, preconditions and ranges of static files (RFC 9110, sections 8.8, 13, 14). Pure. */
import type { Header } from '../capability/capability.ts';

export interface FileVersion {
  readonly etag: string;
  readonly lastModified: string;
  readonly modifiedAtMs: number;
  readonly sizeBytes: number;
}

export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** The smallest part of a file's facts that names its version. */
export interface VersionFacts {
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

/** The tag is strong only in name of size and time to the nanosecond, which sync tools keep. */
export function versionOf(facts: VersionFacts): FileVersion {
  const modifiedAtMs = Number(facts.mtimeNs / 1_000_000_000n) * 1_000;
  return {
    etag: `"${facts.mtimeNs.toString(36)}-${facts.size.toString(36)}"`,
    lastModified: new Date(modifiedAtMs).toUTCString(),
    modifiedAtMs,
    sizeBytes: Number(facts.size),
  };
}

export type PreconditionVerdict = 'proceed' | 'not-modified' | 'failed';

/** RFC 9110, section 13.2.2, for GET and HEAD. */
export function evaluatePreconditions(
  headers: readonly Header[],
  version: FileVersion,
): PreconditionVerdict {
  const ifMatch = fieldValue(headers, 'if-match');
  if (ifMatch !== undefined) {
    if (!listHolds(ifMatch, version.etag, 'strong')) return 'failed';
  } else {
    const since = dateOf(headers, 'if-unmodified-since');
    if (since !== undefined && version.modifiedAtMs > since) return 'failed';
  }
  const ifNoneMatch = fieldValue(headers, 'if-none-match');
  if (ifNoneMatch !== undefined) {
    return listHolds(ifNoneMatch, version.etag, 'weak') ? 'not-modified' : 'proceed';
  }
  const since = dateOf(headers, 'if-modified-since');
  return since !== undefined && version.modifiedAtMs <= since ? 'not-modified' : 'proceed';
}

/**
 * The one byte range asked for; undefined when the whole file is to be sent: no Range, a range of
 * another version (If-Range), several ranges, or none that can be read (RFC 9110, section 14.2).
 */
export function parseRange(
  headers: readonly Header[],
  version: FileVersion,
): ByteRange | 'unsatisfiable' | undefined {
  const range = fieldValue(headers, 'range');
  if (range === undefined || !isSameVersion(headers, version)) return undefined;
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range.trim());
  if (match === null) return undefined;
  const [, from = '', to = ''] = match;
  if (from === '' && to === '') return undefined;
  const end = version.sizeBytes - 1;
  if (from === '') {
    const count = Number(to);
    if (count === 0 || version.sizeBytes === 0) return 'unsatisfiable';
    return { first: Math.max(0, version.sizeBytes - count), last: end };
  }
  const first = Number(from);
  const last = to === '' ? end : Math.min(Number(to), end);
  if (to !== '' && Number(to) < first) return undefined;
  return first > end ? 'unsatisfiable' : { first, last };
}

function isSameVersion(headers: readonly Header[], version: FileVersion): boolean {
  const ifRange = fieldValue(headers, 'if-range');
  if (ifRange === undefined) return true;
  if (ifRange.startsWith('"')) return ifRange === version.etag;
  return Date.parse(ifRange) === version.modifiedAtMs;
}

function listHolds(list: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (list.trim() === '*') return true;
  return list.split(',').some((item) => {
    const tag = item.trim();
    if (tag === etag) return true;
    return comparison === 'weak' && tag === `W/${etag}`;
  });
}

function dateOf(headers: readonly Header[], name: string): number | undefined {
  const value = fieldValue(headers, name);
  if (value === undefined) return undefined;
  const timeMs = Date.parse(value);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

function fieldValue(headers: readonly Header[], name: string): string | undefined {
  const values = headers.filter(([key]) => key === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(', ');
}
