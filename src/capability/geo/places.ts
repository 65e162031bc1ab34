/** Which of a folder's networks an address is in, and what is said of it. Pure. */
import type { GeoSettings } from '../../site/settings/lookups.ts';
import { contains, type Network, parseNetwork, unmapped, unmappedNetwork } from '../networks.ts';
import type { Geo } from './contract.ts';

interface Place {
  readonly network: Network;
  readonly json: string;
}

/** Of this machine: RFC 6890, section 2.2.2, and RFC 4291, section 2.5.3. */
const loopback = ['127.0.0.0/8', '::1/128'].flatMap((text) => parseNetwork(text) ?? []);

/**
 * What the vendor's own test server says of addresses of the machine: an app that is tried at home
 * finds every field.
 */
const loopbackPlace = JSON.stringify({
  as_name: 'Fastly, Inc',
  as_number: 54_113,
  area_code: 415,
  city: 'San Francisco',
  conn_speed: 'broadband',
  conn_type: 'wired',
  continent: 'NA',
  country_code: 'US',
  country_code3: 'USA',
  country_name: 'United States of America',
  latitude: 37.778_69,
  longitude: -122.395_57,
  metro_code: 0,
  postal_code: '94107',
  proxy_description: '?',
  proxy_type: '?',
  region: 'CA',
  utc_offset: -700,
});

export class Places implements Geo {
  /** Single addresses, as text of their bytes: most tables have nothing else. */
  readonly #addresses = new Map<string, string>();
  /** Networks, the longest prefix first. */
  readonly #networks: readonly Place[];
  readonly #knowsLoopback: boolean;

  constructor({ defaultLoopback = true, addresses = new Map() }: GeoSettings) {
    this.#knowsLoopback = defaultLoopback;
    const networks: Place[] = [];
    for (const [text, json] of addresses) {
      const parsed = parseNetwork(text);
      if (parsed === undefined) continue;
      const network = unmappedNetwork(parsed);
      if (network.prefixBits < network.bytes.length * 8) networks.push({ network, json });
      else this.#addresses.set(network.bytes.join('.'), json);
    }
    this.#networks = networks.sort(
      (one, other) => other.network.prefixBits - one.network.prefixBits,
    );
  }

  lookup(address: Uint8Array): string | undefined {
    const canonical = unmapped(address);
    const known =
      this.#addresses.get(canonical.join('.')) ??
      this.#networks.find(({ network }) => contains(network, canonical))?.json;
    if (known !== undefined || !this.#knowsLoopback) return known;
    return loopback.some((network) => contains(network, canonical)) ? loopbackPlace : undefined;
  }
}
