/**
 * How a client begins an HTTP/2 connection (RFC 9113, section 3.4): the preface, its SETTINGS in
 * its order, and what else comes before the first request. Pure.
 */
import { Buffer } from 'node:buffer';

/** Of one connection. Old Firefox, which sends six PRIORITY frames, needs 150. */
export const openingBytesMax = 512;

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const frameHeadBytes = 9;
const frames = { headers: 1, priority: 2, settings: 4, windowUpdate: 8 } as const;
const bytesOf = { setting: 6, priority: 5, windowUpdate: 4 } as const;
const acknowledged = 1;
/** The upper bit of a stream's number or a window is not part of it. */
const without31 = 0x7fff_ffff;

interface Opening {
  settings: string | undefined;
  window: number | undefined;
  readonly priorities: string[];
}

/**
 * `SETTINGS|WINDOW_UPDATE|PRIORITY|order of pseudo-headers`, such as
 * `1:65536;4:131072|12517377|0|m,p,a,s`.
 *
 * @param opening The first bytes of the connection; undefined comes back where they do not go on
 * to the first request.
 * @param rawHeaders Names and values in turn.
 */
export function http2Fingerprint(
  opening: Uint8Array,
  rawHeaders: readonly string[],
): string | undefined {
  const read = readOpening(Buffer.from(opening.buffer, opening.byteOffset, opening.length));
  if (read?.settings === undefined) return undefined;
  const priorities = read.priorities.length === 0 ? '0' : read.priorities.join(',');
  const order = rawHeaders.filter((text, at) => at % 2 === 0 && text.startsWith(':'));
  const initials = order.map((name) => name.charAt(1)).join(',');
  return [read.settings, read.window ?? '00', priorities, initials].join('|');
}

/** Undefined unless all of it is there. */
function readOpening(bytes: Buffer): Opening | undefined {
  if (!bytes.subarray(0, preface.length).equals(preface)) return undefined;
  const read: Opening = { settings: undefined, window: undefined, priorities: [] };
  let at = preface.length;
  while (at + frameHeadBytes <= bytes.length) {
    const type = bytes[at + 3];
    if (type === frames.headers) return read;
    const end = at + frameHeadBytes + bytes.readUIntBE(at, 3);
    if (end > bytes.length) return undefined;
    noteFrame(read, bytes.subarray(at, end));
    at = end;
  }
  return undefined;
}

function noteFrame(read: Opening, frame: Buffer): void {
  const [type, flags] = [frame[3], frame[4] ?? 0];
  const streamId = frame.readUInt32BE(5) & without31;
  const payload = frame.subarray(frameHeadBytes);
  if (type === frames.settings && (flags & acknowledged) === 0) {
    read.settings ??= settingsOf(payload);
  } else if (type === frames.windowUpdate && streamId === 0) {
    if (payload.length === bytesOf.windowUpdate)
      read.window ??= payload.readUInt32BE(0) & without31;
  } else if (type === frames.priority && payload.length === bytesOf.priority) {
    read.priorities.push(priorityOf(streamId, payload));
  }
}

function settingsOf(payload: Buffer): string {
  const pairs: string[] = [];
  for (let at = 0; at + bytesOf.setting <= payload.length; at += bytesOf.setting) {
    pairs.push(`${payload.readUInt16BE(at)}:${payload.readUInt32BE(at + 2)}`);
  }
  return pairs.join(';');
}

/** Stream, whether it is exclusive, the stream that it depends on, weight from 1 to 256. */
function priorityOf(streamId: number, payload: Buffer): string {
  const dependency = payload.readUInt32BE(0);
  const isExclusive = dependency > without31 ? 1 : 0;
  return [streamId, isExclusive, dependency & without31, (payload[4] ?? 0) + 1].join(':');
}
