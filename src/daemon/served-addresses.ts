/**
 * Where the world reaches this machine when its own interfaces do not say: behind address
 * translation only the host names that are served know. Anybody can point a name here *and*
 * elsewhere, and would so close that other address to everybody's guests: so an address counts only
 * where the names of more than half of the owners lead. Edge: DNS, by the resolver.
 */
import { LRUCache } from 'lru-cache';
import { Counts } from '../account/counts.ts';
import { TerrafirmaError } from '../errors.ts';
import type { HostName, OwnerKey } from '../names.ts';
import type { Resolver } from '../outside/dns/dns.ts';

export interface ServedAddressesOptions {
  readonly resolver: Pick<Resolver, 'addresses'>;
  readonly nowMs: () => number;
  /** Whose names are remembered. */
  readonly ownersMax?: number;
  /** The addresses are others now. */
  readonly onChange: (addresses: readonly Uint8Array[]) => void;
}

/** As many as folders are watched: who is pushed out is looked up anew at the next visit. */
const ownersMax = 16_384;
const namesPerOwnerMax = 4;
/** Lookups that wait; a name that finds no room is looked up at another visit. */
const waitingMax = 256;
const holdsMs = 600_000;
const families = [4, 6] as const;

interface KnownName {
  readonly askedAtMs: number;
  readonly addresses: readonly Uint8Array[];
}

/** By how they are written. */
type Addresses = ReadonlyMap<string, Uint8Array>;

interface Owner {
  readonly names: Map<HostName, KnownName>;
  /** Where all of the names lead. */
  addresses: Addresses;
}

const none: Addresses = new Map();

export class ServedAddresses {
  readonly #options: ServedAddressesOptions;
  readonly #owners: LRUCache<OwnerKey, Owner>;
  /** Of how many owners each address is. */
  readonly #counts = new Counts<string>();
  /** Those of more than half. */
  readonly #common = new Map<string, Uint8Array>();
  #told = '';
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(options: ServedAddressesOptions) {
    this.#options = options;
    const dispose = ({ addresses }: Owner): void => {
      for (const key of addresses.keys()) this.#counts.add(key, -1);
    };
    this.#owners = new LRUCache({ max: options.ownersMax ?? ownersMax, dispose });
  }

  /** A visitor was served under this name. */
  note(hostName: HostName, owner: OwnerKey): void {
    const { names } = this.#ownerOf(owner);
    const known = names.get(hostName);
    const isFresh = known !== undefined && this.#options.nowMs() - known.askedAtMs < holdsMs;
    const isOneTooMany = known === undefined && names.size >= namesPerOwnerMax;
    if (isFresh || isOneTooMany || this.#waiting >= waitingMax) return;
    names.set(hostName, { askedAtMs: this.#options.nowMs(), addresses: known?.addresses ?? [] });
    this.#waiting += 1;
    this.#last = this.#last.then(() => this.#look(hostName, owner));
  }

  /** Resolves when every name that was noted has been looked up. */
  settled(): Promise<void> {
    return this.#last;
  }

  #ownerOf(key: OwnerKey): Owner {
    const known = this.#owners.get(key);
    if (known !== undefined) return known;
    const owner = { names: new Map<HostName, KnownName>(), addresses: none };
    this.#owners.set(key, owner);
    return owner;
  }

  async #look(hostName: HostName, key: OwnerKey): Promise<void> {
    try {
      const found = await Promise.all(families.map((family) => this.#ask(hostName, family)));
      const owner = this.#owners.peek(key);
      if (owner === undefined) return;
      const askedAtMs = this.#options.nowMs();
      owner.names.set(hostName, { askedAtMs, addresses: found.flat() });
      this.#count(owner);
    } finally {
      this.#waiting -= 1;
    }
    this.#tell();
  }

  /** Of the owners' addresses only those of this one are others now. */
  #count(owner: Owner): void {
    const before = owner.addresses;
    const addresses = [...owner.names.values()].flatMap((name) => name.addresses);
    owner.addresses = new Map(addresses.map((address) => [address.join('.'), address]));
    for (const key of before.keys()) this.#counts.add(key, -1);
    for (const key of owner.addresses.keys()) this.#counts.add(key, 1);
    // None but these has become common: there are never fewer owners than before.
    for (const [key, address] of owner.addresses) this.#common.set(key, address);
    for (const key of [...this.#common.keys()]) {
      if (this.#counts.of(key) * 2 <= this.#owners.size) this.#common.delete(key);
    }
  }

  async #ask(hostName: HostName, family: 4 | 6): Promise<readonly Uint8Array[]> {
    try {
      return await this.#options.resolver.addresses(hostName, family);
    } catch (error) {
      // No such address, or nobody says: then it leads nowhere.
      if (error instanceof TerrafirmaError) return [];
      throw error;
    }
  }

  #tell(): void {
    const common = [...this.#common].sort();
    const text = common.map(([key]) => key).join(' ');
    if (text === this.#told) return;
    this.#told = text;
    this.#options.onChange(common.map(([, address]) => address));
  }
}
