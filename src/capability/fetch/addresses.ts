/**
 * Which IP addresses a guest may reach. Pure.
 *
 * The attack: Mallory's module fetches `http://rebind.example/`, whose name server answers first
 * with a public address and then with 169.254.169.254, or `http://[::ffff:10.0.0.1]/`, or is
 * redirected to `http://2130706433/`. So names are never judged, only the very address a socket
 * is about to connect to, in one canonical form, and what is not known to be public is refused.
 */
import { CapabilityRefusal } from '../refusal.ts';

/** Networks of IPv4 that are not public: the IANA special-purpose registry (RFC 6890). */
const refusedIpv4: readonly (readonly [cidr: string, what: string])[] = [
  ['0.0.0.0/8', 'this network (RFC 1122)'],
  ['10.0.0.0/8', 'a private network (RFC 1918)'],
  ['100.64.0.0/10', 'shared address space of carriers (RFC 6598)'],
  ['127.0.0.0/8', 'loopback (RFC 1122)'],
  ['169.254.0.0/16', 'link-local, where clouds keep their metadata (RFC 3927)'],
  ['172.16.0.0/12', 'a private network (RFC 1918)'],
  ['192.0.0.0/24', 'IETF protocol assignments (RFC 6890)'],
  ['192.0.2.0/24', 'for documentation (RFC 5737)'],
  ['192.88.99.0/24', 'relays of 6to4 (RFC 7526)'],
  ['192.168.0.0/16', 'a private network (RFC 1918)'],
  ['198.18.0.0/15', 'for benchmarks (RFC 2544)'],
  ['198.51.100.0/24', 'for documentation (RFC 5737)'],
  ['203.0.113.0/24', 'for documentation (RFC 5737)'],
  // Public by its number, but inside of every Azure machine it is the platform's own service.
  ['168.63.129.16/32', "a cloud platform's own service"],
  ['224.0.0.0/4', 'multicast (RFC 5771)'],
  ['240.0.0.0/4', 'reserved (RFC 1112)'],
];

/** Networks of IPv6. Outside of 2000::/3 and 64:ff9b::/96 everything is refused anyway. */
const refusedIpv6: readonly (readonly [cidr: string, what: string])[] = [
  ['::/128', 'unspecified (RFC 4291)'],
  ['::1/128', 'loopback (RFC 4291)'],
  ['::/96', 'IPv4-compatible (RFC 4291)'],
  ['64:ff9b:1::/48', 'local NAT64 (RFC 8215)'],
  ['100::/64', 'discard-only (RFC 6666)'],
  ['2001::/32', 'a Teredo tunnel (RFC 4380)'],
  ['2001::/23', 'IETF protocol assignments (RFC 2928)'],
  ['2001:db8::/32', 'for documentation (RFC 3849)'],
  ['3fff::/20', 'for documentation (RFC 9637)'],
  ['5f00::/16', 'segment routing (RFC 9602)'],
  ['fc00::/7', 'a private network (RFC 4193)'],
  ['fe80::/10', 'link-local (RFC 4291)'],
  ['fec0::/10', 'site-local (RFC 3879)'],
  ['ff00::/8', 'multicast (RFC 4291)'],
];

interface Network {
  readonly bytes: Uint8Array;
  readonly prefixBits: number;
  readonly what: string;
}

const ipv4Networks = refusedIpv4.map(([cidr, what]) => parseNetwork(cidr, what));
const ipv6Networks = refusedIpv6.map(([cidr, what]) => parseNetwork(cidr, what));
const globalUnicast = parseNetwork('2000::/3', '');
const mapped = parseNetwork('::ffff:0:0/96', '');
const translated = parseNetwork('64:ff9b::/96', '');
const sixToFour = parseNetwork('2002::/16', '');

/** Whether this machine itself is behind an address and port; see own-addresses.ts. */
export type IsClosed = (address: Uint8Array, port: number) => boolean;

/** Judges addresses: those in `allowedCidrs` pass, and public ones that are not this machine's. */
export class AddressFilter {
  readonly #allowed: readonly Network[];
  readonly #isClosed: IsClosed;

  /** Throws CapabilityRefusal (`input`) for what is not `address/bits`. */
  constructor(allowedCidrs: readonly string[], isClosed: IsClosed) {
    this.#isClosed = isClosed;
    this.#allowed = allowedCidrs.map((cidr) => unmappedNetwork(parseNetwork(cidr, 'allowed')));
  }

  /**
   * Why guests may not reach `port` of `address` (4 or 16 bytes); undefined when they may.
   * Addresses that carry another address (IPv4-mapped, NAT64, 6to4, ISATAP) are judged by the one
   * they lead to.
   */
  refusalOf(address: Uint8Array, port: number): string | undefined {
    const canonical = unmapped(address);
    if (this.#allowed.some((network) => contains(network, canonical))) return undefined;
    if (this.#isClosed(canonical, port)) return 'this machine itself';
    if (canonical.length === 4) {
      return ipv4Networks.find((network) => contains(network, canonical))?.what;
    }
    if (canonical.length !== 16) return 'not an IP address';
    const refused = ipv6Networks.find((network) => contains(network, canonical));
    if (refused !== undefined) return refused.what;
    const inner = carried(canonical);
    if (inner !== undefined) {
      const refusal = this.refusalOf(inner, port);
      if (refusal !== undefined) return `a way to ${refusal}`;
    }
    if (contains(translated, canonical)) return undefined;
    return contains(globalUnicast, canonical) ? undefined : 'not public (RFC 4291)';
  }
}

/** The 4 or 16 bytes of an IP literal without brackets and zone, or undefined. */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** Text of 4 or 16 bytes; IPv6 in full, without `::`. */
export function formatAddress(address: Uint8Array): string {
  if (address.length === 4) return address.join('.');
  const groups: string[] = [];
  for (let at = 0; at + 1 < address.length; at += 2) groups.push(groupAt(address, at).toString(16));
  return groups.join(':');
}

/** ::ffff:a.b.c.d is the same socket as a.b.c.d on every system we run on. */
function unmapped(address: Uint8Array): Uint8Array {
  return address.length === 16 && contains(mapped, address) ? address.subarray(12) : address;
}

function unmappedNetwork(network: Network): Network {
  const bytes = unmapped(network.bytes);
  if (bytes === network.bytes || network.prefixBits < mapped.prefixBits) return network;
  return { ...network, bytes, prefixBits: network.prefixBits - mapped.prefixBits };
}

/** The IPv4 address that packets to `address` are translated or tunnelled to. */
function carried(address: Uint8Array): Uint8Array | undefined {
  if (contains(translated, address)) return address.subarray(12);
  if (contains(sixToFour, address)) return address.subarray(2, 6);
  // ISATAP, RFC 5214, section 6.1: the interface identifier is [02]00:5efe:a.b.c.d.
  const isIsatap = (groupAt(address, 8) & 0xfdff) === 0 && groupAt(address, 10) === 0x5efe;
  return isIsatap ? address.subarray(12) : undefined;
}

function groupAt(address: Uint8Array, at: number): number {
  return ((address[at] ?? 0) << 8) | (address[at + 1] ?? 0);
}

function contains(network: Network, address: Uint8Array): boolean {
  if (network.bytes.length !== address.length) return false;
  const wholeBytes = network.prefixBits >> 3;
  for (let at = 0; at < wholeBytes; at += 1) {
    if (network.bytes[at] !== address[at]) return false;
  }
  const restBits = network.prefixBits & 7;
  if (restBits === 0) return true;
  const mask = (0xff << (8 - restBits)) & 0xff;
  return ((network.bytes[wholeBytes] ?? 0) & mask) === ((address[wholeBytes] ?? 0) & mask);
}

function parseNetwork(cidr: string, what: string): Network {
  const [text = '', bits = '', ...rest] = cidr.split('/');
  const bytes = parseAddress(text);
  const prefixBits = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  const isValid = bytes !== undefined && rest.length === 0 && prefixBits <= bytes.length * 8;
  if (!isValid) {
    const rule = 'it must be an IP address, a slash and the length of the prefix';
    throw new CapabilityRefusal('input', `Cannot allow a network: ${rule}: received ${cidr}`);
  }
  return { bytes, prefixBits, what };
}

/** Four decimal numbers only: URL parsing has already made `0x7f.1` and the like into that. */
function parseIpv4(text: string): Uint8Array | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  const numbers = match.slice(1).map(Number);
  return numbers.every((number) => number <= 255) ? Uint8Array.from(numbers) : undefined;
}

/** RFC 4291, section 2.2: groups, one `::`, a dotted IPv4 tail. */
function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => parseGroups(half, index === halves.length - 1));
  if (head === undefined) return undefined;
  const bytes = new Uint8Array(16);
  if (halves.length === 1) {
    if (head.length !== 16) return undefined;
    bytes.set(head);
    return bytes;
  }
  if (tail === undefined || head.length + tail.length > 14) return undefined;
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
      continue;
    }
    const ipv4 = isEnd && index === groups.length - 1 ? parseIpv4(group) : undefined;
    if (ipv4 === undefined) return undefined;
    bytes.push(...ipv4);
  }
  return bytes;
}
