/**
 * What a ClientHello says of the program that sent it: JA3 (github.com/salesforce/ja3) and JA4
 * (github.com/FoxIO-LLC/ja4, technical_details/JA4.md). Pure.
 */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { ByteCursor } from './byte-cursor.ts';
import { extensionTypes, type HelloParts, readHelloParts, readProtocols } from './client-hello.ts';

/** As JA4 writes them. TLS over TCP alone comes here. */
const versionNames = new Map([
  [0x0304, '13'],
  [0x0303, '12'],
  [0x0302, '11'],
  [0x0301, '10'],
  [0x0300, 's3'],
  [0x0002, 's2'],
]);
const nothing = '000000000000';
const hashChars = 12;

/**
 * The text that JA3 hashes: version, ciphers, extensions, groups, point formats; decimal.
 *
 * @throws RangeError as all here, when lengths in `message` lie.
 */
export function ja3Text(message: Uint8Array): string {
  const parts = readHelloParts(message);
  const groups = numbersOf(parts, extensionTypes.supportedGroups, { length: 2, each: 2 });
  const formats = numbersOf(parts, extensionTypes.pointFormats, { length: 1, each: 1 });
  const lists = [parts.ciphers, parts.extensions.map(({ type }) => type), groups];
  const shown = [...lists.map(withoutGrease), formats].map((list) => list.join('-'));
  return [parts.version, ...shown].join(',');
}

export function ja3(message: Uint8Array): Uint8Array {
  return createHash('md5').update(ja3Text(message)).digest();
}

export function ja4(message: Uint8Array): string {
  const parts = readHelloParts(message);
  const ciphers = withoutGrease(parts.ciphers);
  const types = withoutGrease(parts.extensions.map(({ type }) => type));
  const hasName = types.includes(extensionTypes.serverName);
  const begin = `t${versionOf(parts)}${hasName ? 'd' : 'i'}${count(ciphers)}${count(types)}`;
  return [`${begin}${protocolOf(parts)}`, hashOf(sortedHex(ciphers)), extensionHash(parts)].join(
    '_',
  );
}

/** Values that mean nothing and are sent so that servers learn to live with it (RFC 8701). */
function withoutGrease(numbers: readonly number[]): readonly number[] {
  return numbers.filter((value) => (value & 0x0f0f) !== 0x0a0a || value >> 8 !== (value & 0xff));
}

function contentOf({ extensions }: HelloParts, type: number): Uint8Array | undefined {
  return extensions.find((extension) => extension.type === type)?.content;
}

/** An extension that is one list of numbers; `length` and `each` in bytes. */
function numbersOf(
  parts: HelloParts,
  type: number,
  { length, each }: { readonly length: number; readonly each: number },
): readonly number[] {
  const content = contentOf(parts, type);
  return content === undefined ? [] : new ByteCursor(content).vector(length).numbers(each);
}

function versionOf(parts: HelloParts): string {
  const offered = numbersOf(parts, extensionTypes.supportedVersions, { length: 1, each: 2 });
  const known = withoutGrease(offered);
  const version = known.length === 0 ? parts.version : Math.max(...known);
  return versionNames.get(version) ?? '00';
}

function count(list: readonly number[]): string {
  return String(Math.min(list.length, 99)).padStart(2, '0');
}

/** Of the first protocol the first and the last character; of its digits where it has others. */
function protocolOf(parts: HelloParts): string {
  const content = contentOf(parts, extensionTypes.alpn);
  const [first] = content === undefined ? [] : readProtocols(content);
  if (first === undefined || first.length === 0) return '00';
  const name = Buffer.from(first);
  const text = name.toString('latin1');
  const shown = /^[0-9A-Za-z](.*[0-9A-Za-z])?$/s.test(text) ? text : name.toString('hex');
  return `${shown.at(0)}${shown.at(-1)}`;
}

function extensionHash(parts: HelloParts): string {
  const named: readonly number[] = [extensionTypes.serverName, extensionTypes.alpn];
  const types = withoutGrease(parts.extensions.map(({ type }) => type));
  const extensions = sortedHex(types.filter((type) => !named.includes(type)));
  const algorithms = withoutGrease(
    numbersOf(parts, extensionTypes.signatureAlgorithms, { length: 2, each: 2 }),
  );
  if (extensions === '' || algorithms.length === 0) return hashOf(extensions);
  return hashOf(`${extensions}_${algorithms.map(hex).join(',')}`);
}

function sortedHex(numbers: readonly number[]): string {
  return numbers.map(hex).sort().join(',');
}

function hex(value: number): string {
  return value.toString(16).padStart(4, '0');
}

function hashOf(text: string): string {
  if (text === '') return nothing;
  return createHash('sha256').update(text).digest('hex').slice(0, hashChars);
}
