/** Clients by their network. Pure: of the net module it takes a function that only computes. */
import { isIPv6 } from 'node:net';

/** `::ffff:192.0.2.1` is the IPv4 client of a dual-stack socket (RFC 4291, section 2.5.5.2). */
const mappedPattern = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * What stands for a client where clients share something: its IPv4 address, or the first 56 bits of
 * its IPv6 address, because a household or a rented machine is given that many addresses or more.
 * What is no address stands for itself.
 */
export function clientNetwork(address: string): string {
  // Asked at every request, and most visitors come by IPv4.
  if (!address.includes(':') || !isIPv6(address)) return address;
  const mapped = mappedPattern.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [plain = ''] = address.split('%');
  const [left = '', right = ''] = plain.split('::');
  const head = left.split(':').filter((group) => group !== '');
  const tail = right.split(':').filter((group) => group !== '');
  const gap = plain.includes('::') ? 8 - head.length - tail.length : 0;
  const groups = [...head, ...Array.from({ length: gap }, () => '0'), ...tail]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16));
  const [first = 0, second = 0, third = 0, fourth = 0] = groups;
  const kept = [first, second, third, fourth & 0xff00];
  return `${kept.map((group) => group.toString(16)).join(':')}::/56`;
}
