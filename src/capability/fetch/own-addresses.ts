/**
 * The addresses of this machine, which guests must not reach: behind them are services that trust
 * their neighbours, bound to 0.0.0.0 and kept from the world by a firewall that does not stand
 * between the machine and itself. Edge: the list of network interfaces, and the clock.
 */
import { networkInterfaces } from 'node:os';
import { parseAddress } from '../networks.ts';

/** An interface comes up, a lease changes its address: no later than this it is known. */
const interfacesHoldMs = 5_000;

export interface OwnAddressesOptions {
  /** Those that the operator named as where visitors reach this machine. */
  readonly named: readonly string[];
  /** Ports where this daemon itself answers: whoever may visit it may do so from here. */
  readonly servedPorts: readonly number[];
  readonly readInterfaces?: typeof networkInterfaces;
  /** Goes only forward. */
  readonly nowMs: () => number;
}

export class OwnAddresses {
  readonly #options: OwnAddressesOptions;
  readonly #named: ReadonlySet<string>;
  #interfaces: ReadonlySet<string> = new Set();
  #readAtMs = Number.NEGATIVE_INFINITY;
  #served: ReadonlySet<string> = new Set();

  constructor(options: OwnAddressesOptions) {
    this.#options = options;
    this.#named = keysOf(options.named.map(parseAddress));
  }

  /** Where the host names lead that are served here: see `daemon/served-addresses.ts`. */
  learnServed(addresses: readonly Uint8Array[]): void {
    this.#served = keysOf(addresses);
  }

  /** Whether a guest would reach this machine at `address` (4 or 16 bytes), and not this daemon. */
  isClosed(address: Uint8Array, port: number): boolean {
    if (this.#options.servedPorts.includes(port)) return false;
    const key = keyOf(address);
    return this.#named.has(key) || this.#served.has(key) || this.#ofInterfaces().has(key);
  }

  #ofInterfaces(): ReadonlySet<string> {
    const { nowMs, readInterfaces = networkInterfaces } = this.#options;
    if (nowMs() - this.#readAtMs < interfacesHoldMs) return this.#interfaces;
    this.#readAtMs = nowMs();
    const entries = Object.values(readInterfaces()).flatMap((list) => list ?? []);
    this.#interfaces = keysOf(entries.map(({ address }) => parseAddress(address)));
    return this.#interfaces;
  }
}

function keysOf(addresses: readonly (Uint8Array | undefined)[]): ReadonlySet<string> {
  return new Set(addresses.flatMap((one) => (one === undefined ? [] : [keyOf(one)])));
}

function keyOf(address: Uint8Array): string {
  return address.join('.');
}
