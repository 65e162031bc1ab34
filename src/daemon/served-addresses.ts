/**
 * Where the world reaches this machine when its own interfaces do not say: behind address
 * translation only the host names that are served know. Anybody can point a name here *and*
 * elsewhere, and would so close that other address to everybody's guests: so an address counts only
 * where the names of more than half of the owners lead. Edge: DNS, by the resolver.
 */
import { LRUCache } from 'lru-cache';
import { TerrafirmaError } from '../errors.ts';
import type { HostName, OwnerKey } from '../names.ts';
import type { Resolver } from '../outside/dns/dns.ts';

export interface ServedAddressesOptions {
  readonly resolver: Pick<Resolver, 'addresses'>;
  readonly nowMs: () => number;
  /** The addresses are others now. */
  readonly onChange: (addresses: readonly Uint8Array[]) => void;
}

const ownersMax = 4_096;
const namesPerOwnerMax = 4;
/** Lookups that wait; a name that finds no room is looked up at another visit. */
const waitingMax = 256;
const holdsMs = 600_000;
const families = [4, 6] as const;

interface KnownName {
  readonly askedAtMs: number;
  readonly addresses: readonly Uint8Array[];
}

export class ServedAddresses {
  readonly #options: ServedAddressesOptions;
  readonly #owners = new LRUCache<OwnerKey, Map<HostName, KnownName>>({ max: ownersMax });
  #told = '';
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(options: ServedAddressesOptions) {
    this.#options = options;
  }

  /** A visitor was served under this name. */
  note(hostName: HostName, owner: OwnerKey): void {
    const names = this.#owners.get(owner) ?? new Map<HostName, KnownName>();
    this.#owners.set(owner, names);
    const known = names.get(hostName);
    const isFresh = known !== undefined && this.#options.nowMs() - known.askedAtMs < holdsMs;
    const isOneTooMany = known === undefined && names.size >= namesPerOwnerMax;
    if (isFresh || isOneTooMany || this.#waiting >= waitingMax) return;
    names.set(hostName, { askedAtMs: this.#options.nowMs(), addresses: known?.addresses ?? [] });
    this.#waiting += 1;
    this.#last = this.#last.then(() => this.#look(hostName, names));
  }

  /** Resolves when every name that was noted has been looked up. */
  settled(): Promise<void> {
    return this.#last;
  }

  async #look(hostName: HostName, names: Map<HostName, KnownName>): Promise<void> {
    try {
      const found = await Promise.all(families.map((family) => this.#ask(hostName, family)));
      const askedAtMs = this.#options.nowMs();
      names.set(hostName, { askedAtMs, addresses: found.flat() });
    } finally {
      this.#waiting -= 1;
    }
    this.#tell();
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
    const counts = new Map<string, { count: number; readonly address: Uint8Array }>();
    for (const names of this.#owners.values()) {
      const addresses = [...names.values()].flatMap((name) => name.addresses);
      for (const [key, address] of new Map(addresses.map((one) => [one.join('.'), one]))) {
        const entry = counts.get(key) ?? { count: 0, address };
        entry.count += 1;
        counts.set(key, entry);
      }
    }
    const common = [...counts].filter(([, { count }]) => count * 2 > this.#owners.size).sort();
    const text = common.map(([key]) => key).join(' ');
    if (text === this.#told) return;
    this.#told = text;
    this.#options.onChange(common.map(([, { address }]) => address));
  }
}
