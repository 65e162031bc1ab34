/**
 * Reading a ClientHello before the handshake begins (RFC 8446, section 4.1.2): which host is named
 * and which protocols are offered decide what is to be done with the connection. Pure.
 */
import { Buffer } from 'node:buffer';
import { ByteCursor } from './byte-cursor.ts';

export interface ClientHello {
  /** As the client wrote it; undefined when it named nobody. */
  readonly serverName: string | undefined;
  /** ALPN, in the client's order. */
  readonly protocols: readonly string[];
  /** The handshake message, its type and length included; may be a view of what was received. */
  readonly message: Uint8Array;
}

export type HelloReading =
  | { readonly kind: 'whole'; readonly hello: ClientHello }
  | { readonly kind: 'partial' }
  | { readonly kind: 'malformed' };

/** What a hello holds, in the client's order. */
export interface HelloParts {
  /** `legacy_version`. */
  readonly version: number;
  readonly ciphers: readonly number[];
  readonly extensions: readonly HelloExtension[];
}

export interface HelloExtension {
  readonly type: number;
  readonly content: Uint8Array;
}

/** Hellos with post-quantum keys have 2 KiB; what is longer than this is no browser. */
export const helloBytesMax = 32 * 1024;

/** As IANA numbers them; those that are looked into. */
export const extensionTypes = {
  serverName: 0,
  supportedGroups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  alpn: 16,
  supportedVersions: 43,
} as const;

const handshakeRecord = 22;
const clientHello = 1;
const dnsName = 0;
const recordHeadBytes = 5;
const messageHeadBytes = 4;

const partial: HelloReading = { kind: 'partial' };
const malformed: HelloReading = { kind: 'malformed' };

/** Reads what has arrived so far. */
export function readClientHello(bytes: Uint8Array): HelloReading {
  const received = joinRecords(bytes);
  if (received === undefined) return malformed;
  if (received.length < messageHeadBytes) return partialUnlessTooLong(bytes);
  if (received[0] !== clientHello) return malformed;
  const bodyBytes = new ByteCursor(received.subarray(1, messageHeadBytes)).number(3);
  const messageBytes = messageHeadBytes + bodyBytes;
  if (messageBytes > helloBytesMax) return malformed;
  if (received.length < messageBytes) return partialUnlessTooLong(bytes);
  try {
    return { kind: 'whole', hello: readHello(received.subarray(0, messageBytes)) };
  } catch (error) {
    if (error instanceof RangeError) return malformed;
    throw error;
  }
}

/**
 * Takes a whole handshake message apart.
 *
 * @throws RangeError when its lengths lie.
 */
export function readHelloParts(message: Uint8Array): HelloParts {
  const cursor = new ByteCursor(message.subarray(messageHeadBytes));
  const version = cursor.number(2);
  // Random and session id, then after the ciphers the compression methods.
  cursor.skip(32);
  cursor.vector(1);
  const ciphers = cursor.vector(2).numbers(2);
  cursor.vector(1);
  const extensions: HelloExtension[] = [];
  if (cursor.isAtEnd) return { version, ciphers, extensions };
  const list = cursor.vector(2);
  while (!list.isAtEnd) {
    extensions.push({ type: list.number(2), content: list.vector(2).rest() });
  }
  return { version, ciphers, extensions };
}

/** RFC 7301, section 3.1; as bytes, since a name may be anything. */
export function readProtocols(content: Uint8Array): readonly Uint8Array[] {
  const list = new ByteCursor(content).vector(2);
  const protocols: Uint8Array[] = [];
  while (!list.isAtEnd) protocols.push(list.vector(1).rest());
  return protocols;
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

function readHello(message: Uint8Array): ClientHello {
  let serverName: string | undefined;
  let protocols: readonly string[] = [];
  for (const { type, content } of readHelloParts(message).extensions) {
    if (type === extensionTypes.serverName) serverName = readServerName(content);
    else if (type === extensionTypes.alpn) protocols = readProtocols(content).map(latin1);
  }
  return { serverName, protocols, message };
}

/** RFC 6066, section 3. */
function readServerName(content: Uint8Array): string | undefined {
  const list = new ByteCursor(content).vector(2);
  while (!list.isAtEnd) {
    const type = list.number(1);
    const name = list.vector(2).rest();
    if (type === dnsName) return latin1(name);
  }
  return undefined;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
