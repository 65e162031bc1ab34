/** Which of a list's networks an address is in. Pure. */
import type { Acl as AclSetting } from '../../site/settings/stores.ts';
import {
  contains,
  formatNetwork,
  type Network,
  parseNetwork,
  unmapped,
  unmappedNetwork,
} from '../networks.ts';
import type { Acl, AclMatch } from './contract.ts';

interface Entry {
  readonly network: Network;
  readonly match: AclMatch;
}

export class AddressList implements Acl {
  /** The longest prefix first, and of equal ones what denies. */
  readonly #entries: readonly Entry[];

  constructor({ allow = [], deny = [], entries: ordered = [] }: AclSetting) {
    const entries = [
      ...entriesOf(deny, 'deny'),
      ...entriesOf(allow, 'allow'),
      // Sorting keeps the order of equals: the later one comes first.
      ...ordered.toReversed().flatMap(({ prefix, action }) => entriesOf([prefix], action)),
    ];
    this.#entries = entries.sort((one, other) => depthOf(other) - depthOf(one));
  }

  lookup(address: Uint8Array): AclMatch | undefined {
    const canonical = unmapped(address);
    return this.#entries.find(({ network }) => contains(network, canonical))?.match;
  }
}

function entriesOf(prefixes: readonly string[], action: AclMatch['action']): Entry[] {
  return prefixes.flatMap((prefix) => {
    const network = parseNetwork(prefix);
    return network === undefined
      ? []
      : [{ network: unmappedNetwork(network), match: { prefix: formatNetwork(network), action } }];
  });
}

function depthOf({ network }: Entry): number {
  return network.prefixBits;
}
