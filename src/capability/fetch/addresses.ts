/**
 * Which IP addresses a guest may reach. Pure.
 *
 * The attack: Mallory's module fetches `http://rebind.example/`, whose name server answers first
 * with a public address and then with 169.254.169.254, or `http://[::ffff:10.0.0.1]/`, or is
 * redirected to `http://2130706433/`. So names are never judged, only the very address a socket
 * is about to connect to, in one canonical form, and what is not known to be public is refused.
 */
import {
  contains,
  groupAt,
  type Network,
  parseNetwork,
  unmapped,
  unmappedNetwork,
} from '../networks.ts';
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

interface RefusedNetwork extends Network {
  readonly what: string;
}

const ipv4Networks = refusedIpv4.map(([cidr, what]) => describeNetwork(cidr, what));
const ipv6Networks = refusedIpv6.map(([cidr, what]) => describeNetwork(cidr, what));
const globalUnicast = describeNetwork('2000::/3', '');
const translated = describeNetwork('64:ff9b::/96', '');
const sixToFour = describeNetwork('2002::/16', '');

/** Whether this machine itself is behind an address and port; see own-addresses.ts. */
export type IsClosed = (address: Uint8Array, port: number) => boolean;

/** Judges addresses: those in `allowedCidrs` pass, and public ones that are not this machine's. */
export class AddressFilter {
  #allowed: readonly Network[] = [];
  readonly #isClosed: IsClosed;

  /** @throws CapabilityRefusal (`input`) for what is not `address/bits` */
  constructor(allowedCidrs: readonly string[], isClosed: IsClosed) {
    this.#isClosed = isClosed;
    this.allow(allowedCidrs);
  }

  /**
   * These networks, and no others, from now on.
   *
   * @throws CapabilityRefusal (`input`) for what is not `address/bits`
   */
  allow(cidrs: readonly string[]): void {
    this.#allowed = cidrs.map((cidr) => unmappedNetwork(describeNetwork(cidr, 'allowed')));
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

/** The IPv4 address that packets to `address` are translated or tunnelled to. */
function carried(address: Uint8Array): Uint8Array | undefined {
  if (contains(translated, address)) return address.subarray(12);
  if (contains(sixToFour, address)) return address.subarray(2, 6);
  // ISATAP, RFC 5214, section 6.1: the interface identifier is [02]00:5efe:a.b.c.d.
  const isIsatap = (groupAt(address, 8) & 0xfdff) === 0 && groupAt(address, 10) === 0x5efe;
  return isIsatap ? address.subarray(12) : undefined;
}

function describeNetwork(cidr: string, what: string): RefusedNetwork {
  const network = parseNetwork(cidr);
  if (network !== undefined) return { ...network, what };
  const rule = 'it must be an IP address, a slash and the length of the prefix';
  throw new CapabilityRefusal('input', `Cannot allow a network: ${rule}: received ${cidr}`);
}
