/**
 * Who the visitor is when proxies stand in front. Only proxies that the operator named are
 * believed: anybody else could write any address into a header. Pure.
 */
import { BlockList, isIP } from 'node:net';
import { plainAddress } from '../plain-address.ts';

export interface Visitor {
  readonly clientAddress: string;
  readonly scheme: 'http' | 'https';
  /** The connection comes from a trusted proxy: what it forwards may be kept. */
  readonly isForwarded: boolean;
}

export interface Peer {
  readonly address: string;
  readonly scheme: 'http' | 'https';
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
}

/** Longer chains than this are made up. */
const hopsMax = 32;

export class TrustedProxies {
  #networks = new BlockList();
  /** Whether nobody is trusted: then no request is looked through for nothing. */
  isEmpty = true;

  constructor(cidrs: readonly string[]) {
    this.replace(cidrs);
  }

  /** These, and no others, from now on. */
  replace(cidrs: readonly string[]): void {
    this.isEmpty = cidrs.length === 0;
    this.#networks = new BlockList();
    for (const cidr of cidrs) {
      const [address = '', bits = ''] = cidr.split('/');
      this.#networks.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
    }
  }

  /** The address nearest to us that is no trusted proxy, and the scheme that it used. */
  visitorOf(peer: Peer): Visitor {
    const { address, scheme, rawHeaders } = peer;
    if (!this.trusts(address)) {
      return { clientAddress: address, scheme, isForwarded: false };
    }
    const forwardedFor: string[] = [];
    let forwardedScheme: string | undefined;
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
      const name = (rawHeaders[index] ?? '').toLowerCase();
      const value = rawHeaders[index + 1] ?? '';
      if (name === 'x-forwarded-for') forwardedFor.push(...value.split(','));
      else if (name === 'x-forwarded-proto') forwardedScheme = value.split(',').at(-1)?.trim();
    }
    const isHttps = forwardedScheme?.toLowerCase() === 'https';
    return {
      clientAddress: this.#nearest(forwardedFor, address),
      scheme: forwardedScheme === undefined ? scheme : isHttps ? 'https' : 'http',
      isForwarded: true,
    };
  }

  /** Whether `address` is that of a proxy, behind which there are many visitors. */
  trusts(address: string): boolean {
    return !this.isEmpty && this.#isTrusted(address);
  }

  /** From the end, as each proxy adds the address that it saw. */
  #nearest(forwardedFor: readonly string[], peerAddress: string): string {
    let nearest = peerAddress;
    for (const entry of forwardedFor.slice(-hopsMax).reverse()) {
      const address = readAddress(entry);
      if (address === undefined) return nearest;
      nearest = address;
      if (!this.#isTrusted(address)) return address;
    }
    return nearest;
  }

  #isTrusted(address: string): boolean {
    const family = isIP(address);
    if (family === 0) return false;
    return this.#networks.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }
}

/** Some proxies add the port, and brackets around IPv6. */
function readAddress(entry: string): string | undefined {
  const text = entry.trim();
  const matched = /^\[([^\]]+)\](?::\d+)?$/.exec(text) ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text);
  const address = matched?.[1] ?? text;
  return isIP(address) === 0 ? undefined : plainAddress(address);
}
