/**
 * DNS messages: bytes ↔ facts. Pure. Answers come from strangers' servers, so the outline of a
 * message is walked here, with every offset, count and pointer checked, before a codec sees a part
 * of it: pointers to pointers, 12 bytes a record, can keep a generic parser busy for minutes.
 */
import { Packet } from 'dns2';

export const headerBytes = 12;
/** RFC 1035, section 4.2.1: without EDNS nobody needs to send more. */
const guestQueryBytesMax = 512;
const nameBytesMax = 255;
const labelBytesMax = 63;
/** Real messages have one pointer a name; two or three where a server is playful. */
const pointersPerNameMax = 16;
const recordsMax = 512;
const aliasesMax = 16;
const typeOpt = 41;
/** TKEY, TSIG, IXFR, AXFR, MAILB, MAILA, ANY: no questions for a resolver on a guest's behalf. */
const typeMetaMin = 249;
const typeMetaMax = 255;

/** `CAA` and `CNAME` only people who look at a name ask for. */
export type RecordType = 'A' | 'AAAA' | 'TXT' | 'CAA' | 'CNAME';

export interface DnsQuestion {
  readonly name: string;
  readonly type: RecordType;
}

/** A record that the walk has found to lie wholly inside the message. */
interface RecordPlace {
  readonly offset: number;
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly ttlS: number;
  readonly dataOffset: number;
  readonly dataLength: number;
}

/** What an answer says. `failed` is the server's own failure: another may know better. */
export type Answer =
  | { readonly kind: 'found'; readonly records: readonly Uint8Array[]; readonly ttlS: number }
  /** Only that the name is another one, of which the server says nothing. */
  | { readonly kind: 'alias'; readonly target: string; readonly ttlS: number }
  /** No such name, or no record of that type; `ttlS` is from the SOA record where there is one. */
  | { readonly kind: 'empty'; readonly isNoName: boolean; readonly ttlS: number | undefined }
  | { readonly kind: 'failed'; readonly rcode: number };

/** The message breaks RFC 1035. `message` says how; never a crash. */
export class MalformedMessageError extends Error {
  override readonly name = 'MalformedMessageError';
}

/** One question, recursion desired; the id is set for each sending. */
export function encodeQuery(question: DnsQuestion): Uint8Array {
  const packet = new Packet();
  packet.header = new Packet.Header({ rd: 1 });
  const { IN } = Packet.CLASS;
  packet.questions.push(new Packet.Question(question.name, Packet.TYPE[question.type], IN));
  return packet.toBuffer();
}

/**
 * Whether `reply` belongs to `query`: same id, a response, same question (RFC 5452, section 9.1).
 * A server that could not read the query may leave the question out of its refusal.
 */
export function isReplyTo(query: Uint8Array, reply: Uint8Array): boolean {
  if (reply.length < headerBytes || query.length < headerBytes) return false;
  if (reply[0] !== query[0] || reply[1] !== query[1]) return false;
  const isResponse = ((reply[2] ?? 0) & 0xf8) === 0x80;
  if (!isResponse) return false;
  const questions = readUint16(reply, 4);
  if (questions === 0) return rcodeOf(reply) !== 0 && rcodeOf(reply) !== 3;
  const end = questionEnd(query);
  if (questions !== 1 || reply.length < end) return false;
  for (let offset = headerBytes; offset < end; offset += 1) {
    if (lowerCase(query[offset] ?? 0) !== lowerCase(reply[offset] ?? 0)) return false;
  }
  return true;
}

export function isTruncated(message: Uint8Array): boolean {
  return ((message[2] ?? 0) & 0x02) !== 0;
}

/** RFC 1035, section 4.1.1: 0 fine, 2 server failure, 3 no such name, 5 refused. */
export function rcodeOf(message: Uint8Array): number {
  return (message[3] ?? 0) & 0x0f;
}

/** The same message with another id. */
export function withId(message: Uint8Array, id: number): Uint8Array {
  // Not slice(): a Buffer's would be the same bytes.
  const copy = new Uint8Array(message);
  copy[0] = id >> 8;
  copy[1] = id & 0xff;
  return copy;
}

/**
 * What `reply` (see `isReplyTo`) says to `question`: the data of its records as they stand on the
 * wire, CNAMEs followed inside the message.
 *
 * @throws MalformedMessageError
 */
export function readAnswer(reply: Uint8Array, question: DnsQuestion): Answer {
  const rcode = rcodeOf(reply);
  if (rcode !== 0 && rcode !== 3) return { kind: 'failed', rcode };
  const asked = readName(reply, headerBytes);
  let offset = asked.end + 4;
  const answers: RecordPlace[] = [];
  const authorities: RecordPlace[] = [];
  const [answerCount, authorityCount] = [readUint16(reply, 6), readUint16(reply, 8)];
  if (answerCount + authorityCount > recordsMax) {
    throw new MalformedMessageError(`more than ${recordsMax} records`);
  }
  for (let index = 0; index < answerCount + authorityCount; index += 1) {
    const place = readRecord(reply, offset);
    (index < answerCount ? answers : authorities).push(place);
    offset = place.dataOffset + place.dataLength;
  }
  const found = followAliases(reply, answers, { ...question, name: asked.name });
  const { records, ttlS, target } = found;
  if (records.length > 0 && rcode === 0) return { kind: 'found', records, ttlS };
  if (target !== undefined && rcode === 0 && !hasSoa(authorities)) {
    return { kind: 'alias', target, ttlS };
  }
  return { kind: 'empty', isNoName: rcode === 3, ttlS: negativeTtl(reply, authorities) };
}

function followAliases(
  message: Uint8Array,
  answers: readonly RecordPlace[],
  question: DnsQuestion,
): {
  readonly records: readonly Uint8Array[];
  readonly ttlS: number;
  /** Where the aliases lead that end without a record. */
  readonly target?: string;
} {
  const type = Packet.TYPE[question.type];
  let name = question.name;
  let ttlS = Number.POSITIVE_INFINITY;
  for (let aliases = 0; aliases <= aliasesMax; aliases += 1) {
    const owned = answers.filter((place) => place.name === name && place.class === 1);
    const wanted = owned.filter((place) => place.type === type);
    if (wanted.length > 0) {
      ttlS = Math.min(ttlS, ...wanted.map((place) => place.ttlS));
      return { records: wanted.map((place) => readData(message, place, question.type)), ttlS };
    }
    const alias = owned.find((place) => place.type === Packet.TYPE.CNAME);
    if (alias === undefined) {
      return { records: [], ttlS, ...(aliases === 0 ? {} : { target: name }) };
    }
    const target = readName(message, alias.dataOffset);
    if (target.end !== alias.dataOffset + alias.dataLength) {
      throw new MalformedMessageError('a CNAME is not as long as its record says');
    }
    ttlS = Math.min(ttlS, alias.ttlS);
    name = target.name;
  }
  throw new MalformedMessageError(`more than ${aliasesMax} CNAMEs in a row`);
}

function readData(message: Uint8Array, place: RecordPlace, type: RecordType): Uint8Array {
  const data = message.subarray(place.dataOffset, place.dataOffset + place.dataLength);
  if (type === 'TXT') return joinStrings(data);
  if (type === 'CAA') return new Uint8Array(data);
  // As text: its pointers lead into the message.
  if (type === 'CNAME') return Buffer.from(readName(message, place.dataOffset).name);
  if (data.length !== (type === 'A' ? 4 : 16)) {
    throw new MalformedMessageError(`an ${type} record of ${data.length} bytes`);
  }
  return new Uint8Array(data);
}

/**
 * The character strings of one TXT record, put together without separator (RFC 1035, section
 * 3.3.14), as bytes: a character of several bytes may stand in two strings.
 */
function joinStrings(data: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < data.length; ) {
    const end = offset + 1 + readUint8(data, offset);
    if (end > data.length) throw new MalformedMessageError('a TXT record that cannot be decoded');
    parts.push(data.subarray(offset + 1, end));
    offset = end;
  }
  return Buffer.concat(parts);
}

function hasSoa(authorities: readonly RecordPlace[]): boolean {
  return authorities.some((place) => place.type === Packet.TYPE.SOA);
}

/** RFC 2308, section 5: the smaller of the SOA's own time to live and its minimum field. */
function negativeTtl(message: Uint8Array, authorities: readonly RecordPlace[]): number | undefined {
  const soa = authorities.find((place) => place.type === Packet.TYPE.SOA);
  if (soa === undefined || soa.dataLength < 20) return undefined;
  const minimum = readUint32(message, soa.dataOffset + soa.dataLength - 4);
  return Math.min(soa.ttlS, clampTtl(minimum));
}

function readRecord(message: Uint8Array, offset: number): RecordPlace {
  const { name, end } = readName(message, offset);
  const dataOffset = end + 10;
  const dataLength = readUint16(message, end + 8);
  if (dataOffset + dataLength > message.length) {
    throw new MalformedMessageError('a record ends behind the message');
  }
  return {
    offset,
    name,
    type: readUint16(message, end),
    class: readUint16(message, end + 2),
    ttlS: clampTtl(readUint32(message, end + 4)),
    dataOffset,
    dataLength,
  };
}

/** RFC 2181, section 8: a time to live with the highest bit set counts as zero. */
function clampTtl(seconds: number): number {
  return seconds > 0x7fff_ffff ? 0 : seconds;
}

/**
 * Reads the name at `offset` in lower case; dots and odd bytes inside a label are escaped, so that
 * no label can pose as two. Pointers must lead backwards, and only a few of them.
 */
function readName(message: Uint8Array, offset: number): { name: string; end: number } {
  const labels: string[] = [];
  let position = offset;
  let end: number | undefined;
  let nameBytes = 1;
  for (let pointers = 0; ; ) {
    const length = readUint8(message, position);
    if (length === 0) return { name: labels.join('.'), end: end ?? position + 1 };
    if (length >= 0xc0) {
      const target = readUint16(message, position) & 0x3fff;
      end ??= position + 2;
      pointers += 1;
      if (target >= position || pointers > pointersPerNameMax) {
        throw new MalformedMessageError('a name whose pointers lead nowhere');
      }
      position = target;
      continue;
    }
    nameBytes += length + 1;
    const labelEnd = position + 1 + length;
    if (length > labelBytesMax || nameBytes > nameBytesMax || labelEnd > message.length) {
      throw new MalformedMessageError('a name that is too long');
    }
    labels.push(showLabel(message.subarray(position + 1, labelEnd)));
    position = labelEnd;
  }
}

function showLabel(bytes: Uint8Array): string {
  const text = String.fromCharCode(...bytes.map(lowerCase));
  return text.replace(/[^!-~]|[.\\]/g, (char) => `\\${char.charCodeAt(0)}`);
}

/**
 * The name that a guest's query asks for. Refuses what a guest may not send through the daemon's
 * resolver: anything but one question of class IN in plain form, with at most an OPT record behind
 * it. No zone transfers, no ANY.
 *
 * @throws MalformedMessageError
 */
export function checkGuestQuery(query: Uint8Array): string {
  if (query.length < headerBytes || query.length > guestQueryBytesMax) {
    throw new MalformedMessageError(`a query must have 12 to ${guestQueryBytesMax} bytes`);
  }
  const isQuery = ((query[2] ?? 0) & 0xfa) === 0;
  if (!isQuery) throw new MalformedMessageError('only plain queries');
  const counts = [4, 6, 8].map((offset) => readUint16(query, offset));
  const additionals = readUint16(query, 10);
  if (counts.join() !== '1,0,0' || additionals > 1) {
    throw new MalformedMessageError('a query must have one question and nothing else');
  }
  const end = questionEnd(query);
  const type = readUint16(query, end - 4);
  if (type >= typeMetaMin && type <= typeMetaMax) {
    throw new MalformedMessageError('zone transfers and ANY are not asked for');
  }
  if (readUint16(query, end - 2) !== 1) throw new MalformedMessageError('only class IN');
  let messageEnd = end;
  if (additionals === 1) {
    const option = readRecord(query, end);
    if (option.type !== typeOpt || option.name !== '') {
      throw new MalformedMessageError('only an OPT record may follow the question');
    }
    messageEnd = option.dataOffset + option.dataLength;
  }
  if (messageEnd !== query.length) throw new MalformedMessageError('bytes behind the query');
  return readName(query, headerBytes).name;
}

/** Where the only question of a query ends; its name has no pointer, as nothing is before it. */
function questionEnd(query: Uint8Array): number {
  const end = readName(query, headerBytes).end + 4;
  if (end > query.length) throw new MalformedMessageError('the question is cut');
  return end;
}

function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

function readUint8(message: Uint8Array, offset: number): number {
  const byte = message[offset];
  if (byte === undefined) throw new MalformedMessageError('the message is cut');
  return byte;
}

function readUint16(message: Uint8Array, offset: number): number {
  return readUint8(message, offset) * 0x100 + readUint8(message, offset + 1);
}

function readUint32(message: Uint8Array, offset: number): number {
  return readUint16(message, offset) * 0x1_0000 + readUint16(message, offset + 2);
}
