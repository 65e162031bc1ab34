/** What a message of a stream says of its key, and the message that says it. Pure. */
import { bytesOf } from './places.ts';

/** What lies under a subject. */
export interface Row {
  /** The sequence that the engine expects of the next write; 0: no message is there. */
  readonly sequence: number;
  /** Undefined: the key is absent, or was deleted and its message is still there. */
  readonly entry: RowEntry | undefined;
  /** Which write put it there. */
  readonly writeId: string | undefined;
}

export interface RowEntry {
  readonly value: Uint8Array;
  readonly meta: Uint8Array | undefined;
  readonly expiresAtMs: number | undefined;
}

export type HeaderLines = readonly (readonly [name: string, value: string])[];

export const noRow: Row = { sequence: 0, entry: undefined, writeId: undefined };

/** What the headers of a message, or of its notice, tell. */
export interface RowHeaders {
  readonly isDeleted: boolean;
  readonly expiresAtMs: number | undefined;
  readonly meta: Uint8Array | undefined;
  readonly longKey: Uint8Array | undefined;
  readonly writeId: string | undefined;
}

/** For how long the message of a deleted key stays: longer than anybody remembers the key. */
const deletedKept = '300s';
/** The engine removes what has expired, well after the last reader whose clock is behind. */
const expiryGraceS = 5;

export function readHeaders(get: (name: string) => string | undefined): RowHeaders {
  const expiry = get('Tf-Exp');
  return {
    isDeleted: get('Tf-Op') === 'del',
    expiresAtMs: expiry === undefined ? undefined : Number(expiry),
    meta: fromBase64Url(get('Tf-Meta')),
    longKey: fromBase64Url(get('Tf-Key')),
    writeId: get('Tf-Id'),
  };
}

export function rowOf(message: {
  readonly sequence: number;
  readonly headers: RowHeaders;
  readonly value: Uint8Array;
}): Row {
  const { sequence, headers, value } = message;
  const { isDeleted, meta, expiresAtMs, writeId } = headers;
  return { sequence, entry: isDeleted ? undefined : { value, meta, expiresAtMs }, writeId };
}

/** Headers of the message that stores `entry`, or deletes the key where that is undefined. */
export function headersOf(row: {
  readonly entry: RowEntry | undefined;
  readonly longKey: Uint8Array | undefined;
  readonly nowMs: number;
}): HeaderLines {
  const { entry, longKey, nowMs } = row;
  const lines: [string, string][] = [['Tf-Op', entry === undefined ? 'del' : 'put']];
  if (longKey !== undefined) lines.push(['Tf-Key', inBase64Url(longKey)]);
  if (entry === undefined) return [...lines, ['Nats-TTL', deletedKept]];
  if (entry.meta !== undefined) lines.push(['Tf-Meta', inBase64Url(entry.meta)]);
  if (entry.expiresAtMs === undefined) return lines;
  const leftS = Math.max(0, Math.ceil((entry.expiresAtMs - nowMs) / 1_000));
  lines.push(['Tf-Exp', String(entry.expiresAtMs)], ['Nats-TTL', `${leftS + expiryGraceS}s`]);
  return lines;
}

/** Headers as they are stored: `NATS/1.0`, then a line each. */
export function parseHeaderBlock(block: string): (name: string) => string | undefined {
  const values = new Map<string, string>();
  for (const line of block.split('\r\n').slice(1)) {
    const at = line.indexOf(':');
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1).trim());
  }
  return (name) => values.get(name);
}

/** What a space holds. */
export interface Usage {
  readonly bytes: number;
  readonly keys: number;
}

export function encodeUsage({ bytes, keys }: Usage): Uint8Array {
  return Buffer.from(JSON.stringify({ b: bytes, k: keys }));
}

/** What cannot be read counts as full: so the next write that needs room has it counted anew. */
export function decodeUsage({ entry }: Row): Usage {
  return entry === undefined ? { bytes: 0, keys: 0 } : (parseUsage(entry.value) ?? full);
}

const full: Usage = { bytes: Number.MAX_SAFE_INTEGER, keys: Number.MAX_SAFE_INTEGER };

function parseUsage(value: Uint8Array): Usage | undefined {
  try {
    const { b: bytes, k: keys } = JSON.parse(Buffer.from(value).toString()) ?? {};
    const isRead = Number.isSafeInteger(bytes) && Number.isSafeInteger(keys);
    return isRead ? { bytes, keys } : undefined;
  } catch {
    return undefined;
  }
}

/** For how long the engine keeps what was written, as far as it is known. */
export function goneInMs(
  written: { readonly expiresAtMs: number | undefined } | undefined,
  nowMs: number,
): number | undefined {
  const expiresAtMs = written?.expiresAtMs;
  return expiresAtMs === undefined ? undefined : expiresAtMs - nowMs;
}

function fromBase64Url(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : bytesOf(Buffer.from(text, 'base64url'));
}

function inBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
