/**
 * DER, as much of it as certificates need: writing requests and challenge certificates, and finding
 * the extensions of a certificate. Pure. ITU-T X.690; RFC 5280.
 */

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const;

/** One element: its tag, its length, its content. */
export function element(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), encodeLength(body.length), body]);
}

export function sequence(...content: readonly Uint8Array[]): Buffer {
  return element(tags.sequence, ...content);
}

/** `[number]` of the context class; constructed unless it holds plain bytes. */
export function context(
  number: number,
  options: { readonly isConstructed: boolean; readonly content: Uint8Array },
): Buffer {
  return element(0x80 | (options.isConstructed ? 0x20 : 0) | number, options.content);
}

/** `2.5.29.17` and the like. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const septets = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) septets.unshift((left & 0x7f) | 0x80);
    bytes.push(...septets);
  }
  return element(tags.oid, Buffer.from(bytes));
}

/** A non-negative integer of big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const trimmed = bytes.subarray(start);
  const isHigh = ((trimmed[0] ?? 0) & 0x80) !== 0;
  return element(tags.integer, isHigh ? Buffer.from([0]) : Buffer.alloc(0), trimmed);
}

export function bitString(bytes: Uint8Array): Buffer {
  return element(tags.bitString, Buffer.from([0]), bytes);
}

export function octetString(bytes: Uint8Array): Buffer {
  return element(tags.octetString, bytes);
}

export function booleanTrue(): Buffer {
  return element(tags.boolean, Buffer.from([0xff]));
}

/** RFC 5280, section 4.1.2.5: two digits for the year until 2049. */
export function time(atMs: number): Buffer {
  const digits = new Date(atMs).toISOString().replace(/[-:T]|\.\d+/g, '');
  const isUtc = Number(digits.slice(0, 4)) < 2050;
  const text = isUtc ? digits.slice(2) : digits;
  return element(isUtc ? tags.utcTime : tags.generalizedTime, Buffer.from(text, 'latin1'));
}

function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left % 256);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Tag and length included. */
  readonly whole: Uint8Array;
}

/**
 * The elements that stand one after another in `bytes`.
 *
 * @throws RangeError where they do not
 */
export function readElements(bytes: Uint8Array): readonly Element[] {
  const elements: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const { headBytes, contentBytes } = readHead(bytes, at);
    const end = at + headBytes + contentBytes;
    if (end > bytes.length) throw new RangeError('Cannot read DER: it ends inside an element');
    elements.push({
      tag: bytes[at] ?? 0,
      content: bytes.subarray(at + headBytes, end),
      whole: bytes.subarray(at, end),
    });
    at = end;
  }
  return elements;
}

function readHead(
  bytes: Uint8Array,
  at: number,
): { readonly headBytes: number; readonly contentBytes: number } {
  const first = bytes[at + 1];
  if (first === undefined) throw new RangeError('Cannot read DER: it ends inside a head');
  if (first < 0x80) return { headBytes: 2, contentBytes: first };
  const count = first & 0x7f;
  if (count === 0 || count > 4) throw new RangeError('Cannot read DER: a length of that form');
  let contentBytes = 0;
  for (let index = 0; index < count; index += 1) {
    const byte = bytes[at + 2 + index];
    if (byte === undefined) throw new RangeError('Cannot read DER: it ends inside a head');
    contentBytes = contentBytes * 256 + byte;
  }
  return { headBytes: 2 + count, contentBytes };
}

/** The content of the extension `dotted` of a certificate, without its outer OCTET STRING. */
export function findExtension(certificate: Uint8Array, dotted: string): Uint8Array | undefined {
  const wanted = oid(dotted);
  const [outer] = readElements(certificate);
  const [tbs] = readElements(outer?.content ?? new Uint8Array(0));
  const wrapped = readElements(tbs?.content ?? new Uint8Array(0)).find(({ tag }) => tag === 0xa3);
  const [list] = readElements(wrapped?.content ?? new Uint8Array(0));
  for (const extension of readElements(list?.content ?? new Uint8Array(0))) {
    const parts = readElements(extension.content);
    if (parts[0] === undefined || !wanted.equals(parts[0].whole)) continue;
    return parts.at(-1)?.content;
  }
  return undefined;
}
