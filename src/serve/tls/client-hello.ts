/**
 * Reading a ClientHello before the handshake begins (RFC 8446, section 4.1.2): which host is named
 * and which protocols are offered decide what is to be done with the connection. Pure.
 */

export interface ClientHello {
  /** As the client wrote it; undefined when it named nobody. */
  readonly serverName: string | undefined;
  /** ALPN, in the client's order. */
  readonly protocols: readonly string[];
}

export type HelloReading =
  | { readonly kind: 'whole'; readonly hello: ClientHello }
  | { readonly kind: 'partial' }
  | { readonly kind: 'malformed' };

/** Hellos with post-quantum keys have 2 KiB; what is longer than this is no browser. */
export const helloBytesMax = 32 * 1024;

const handshakeRecord = 22;
const clientHello = 1;
const serverNameType = 0;
const alpn = 16;
const dnsName = 0;
const recordHeadBytes = 5;

const partial: HelloReading = { kind: 'partial' };
const malformed: HelloReading = { kind: 'malformed' };

/** Reads what has arrived so far. */
export function readClientHello(bytes: Uint8Array): HelloReading {
  const message = joinRecords(bytes);
  if (message === undefined) return malformed;
  if (message.length < 4) return partialUnlessTooLong(bytes);
  if (message[0] !== clientHello) return malformed;
  const bodyBytes = new Cursor(message.subarray(1, 4)).number(3);
  if (bodyBytes + 4 > helloBytesMax) return malformed;
  if (message.length < 4 + bodyBytes) return partialUnlessTooLong(bytes);
  try {
    return { kind: 'whole', hello: readHello(message.subarray(4, 4 + bodyBytes)) };
  } catch (error) {
    if (error instanceof RangeError) return malformed;
    throw error;
  }
}

function partialUnlessTooLong(bytes: Uint8Array): HelloReading {
  return bytes.length >= helloBytesMax ? malformed : partial;
}

/** The handshake bytes of the records so far; undefined when they are no handshake records. */
function joinRecords(bytes: Uint8Array): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] !== handshakeRecord) return undefined;
    if (at + 1 < bytes.length && bytes[at + 1] !== 3) return undefined;
    if (at + recordHeadBytes > bytes.length) break;
    const length = ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0);
    if (length === 0) return undefined;
    parts.push(bytes.subarray(at + recordHeadBytes, at + recordHeadBytes + length));
    at += recordHeadBytes + length;
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

function readHello(body: Uint8Array): ClientHello {
  const cursor = new Cursor(body);
  // Version and random, then session id, cipher suites, compression methods.
  cursor.skip(2 + 32);
  cursor.take(cursor.number(1));
  cursor.take(cursor.number(2));
  cursor.take(cursor.number(1));
  let serverName: string | undefined;
  let protocols: readonly string[] = [];
  if (cursor.isAtEnd) return { serverName, protocols };
  const extensions = new Cursor(cursor.take(cursor.number(2)));
  while (!extensions.isAtEnd) {
    const type = extensions.number(2);
    const content = new Cursor(extensions.take(extensions.number(2)));
    if (type === serverNameType) serverName = readServerName(content);
    else if (type === alpn) protocols = readProtocols(content);
  }
  return { serverName, protocols };
}

/** RFC 6066, section 3. */
function readServerName(content: Cursor): string | undefined {
  const list = new Cursor(content.take(content.number(2)));
  while (!list.isAtEnd) {
    const type = list.number(1);
    const name = list.take(list.number(2));
    if (type === dnsName) return Buffer.from(name).toString('latin1');
  }
  return undefined;
}

/** RFC 7301, section 3.1. */
function readProtocols(content: Cursor): readonly string[] {
  const list = new Cursor(content.take(content.number(2)));
  const protocols: string[] = [];
  while (!list.isAtEnd) {
    protocols.push(Buffer.from(list.take(list.number(1))).toString('latin1'));
  }
  return protocols;
}

class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(byteCount: number): number {
    let value = 0;
    for (const byte of this.take(byteCount)) value = value * 256 + byte;
    return value;
  }

  take(byteCount: number): Uint8Array {
    const end = this.#at + byteCount;
    if (end > this.#bytes.length) throw new RangeError('the ClientHello ends too early');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  skip(byteCount: number): void {
    this.take(byteCount);
  }
}
