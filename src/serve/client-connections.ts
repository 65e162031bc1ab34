/**
 * Connections of one client, which may not have all that a thread can hold. What is too much is cut
 * at once: there is nobody yet to answer. Proxies that the operator trusts stand for many clients.
 */
import type { Socket } from 'node:net';
import { Counts } from '../account/counts.ts';
import { clientNetwork } from '../names.ts';
import { plainAddress } from './plain-address.ts';

export class ClientConnections {
  readonly #perClientMax: number;
  readonly #isProxy: (address: string) => boolean;
  readonly #counts = new Counts<string>();
  #open = 0;

  constructor(perClientMax: number, isProxy: (address: string) => boolean) {
    this.#perClientMax = perClientMax;
    this.#isProxy = isProxy;
  }

  /** How many connections are open now. */
  get open(): number {
    return this.#open;
  }

  /** Counts a new connection until it closes, or cuts it. */
  enter(socket: Pick<Socket, 'remoteAddress' | 'once' | 'destroy'>): void {
    this.#open += 1;
    socket.once('close', () => {
      this.#open -= 1;
    });
    const address = plainAddress(socket.remoteAddress);
    if (this.#isProxy(address)) return;
    const client = clientNetwork(address);
    if (this.#counts.of(client) >= this.#perClientMax) {
      socket.destroy();
      return;
    }
    this.#counts.add(client, 1);
    socket.once('close', () => this.#counts.add(client, -1));
  }
}
