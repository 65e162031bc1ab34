/** Addresses of the Internet, and networks of them, as bytes. Pure. */

export interface Network {
  readonly bytes: Uint8Array;
  readonly prefixBits: number;
}

const mapped: Network = {
  bytes: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0),
  prefixBits: 96,
};

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
export function unmapped(address: Uint8Array): Uint8Array {
  return address.length === 16 && contains(mapped, address) ? address.subarray(12) : address;
}

/** The same network where addresses are `unmapped`. */
export function unmappedNetwork(network: Network): Network {
  const bytes = unmapped(network.bytes);
  if (bytes === network.bytes || network.prefixBits < mapped.prefixBits) return network;
  return { ...network, bytes, prefixBits: network.prefixBits - mapped.prefixBits };
}

/** The 16 bits at a byte of an address of IPv6. */
export function groupAt(address: Uint8Array, at: number): number {
  return ((address[at] ?? 0) << 8) | (address[at + 1] ?? 0);
}

/** Of the same family alone. */
export function contains(network: Network, address: Uint8Array): boolean {
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

/** `address/bits` with the bits behind the prefix cleared, IPv6 with its `::`. */
export function formatNetwork({ bytes, prefixBits }: Network): string {
  const masked = bytes.map((byte, at) => {
    const bits = Math.min(8, Math.max(0, prefixBits - at * 8));
    return byte & (0xff << (8 - bits));
  });
  const text = formatAddress(masked);
  const address = masked.length === 4 ? text : new URL(`http://[${text}]`).hostname.slice(1, -1);
  return `${address}/${prefixBits}`;
}

/** `address/bits`; undefined for what is none. */
export function parseNetwork(cidr: string): Network | undefined {
  const [text = '', bits = '', ...rest] = cidr.split('/');
  const bytes = parseAddress(text);
  const prefixBits = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  const isValid = bytes !== undefined && rest.length === 0 && prefixBits <= bytes.length * 8;
  return isValid ? { bytes, prefixBits } : undefined;
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
