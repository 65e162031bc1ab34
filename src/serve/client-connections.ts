/**
 * Connections of one client, which may not have all that a thread can hold. What is too much is cut
 * at once: there is nobody yet to answer. Proxies that the operator trusts stand for many clients.
 */
import type { Socket } from 'node:net';
import { clientNetwork } from '../names.ts';
import { plainAddress } from './rejected.ts';

export class ClientConnections {
  readonly #perClientMax: number;
  readonly #isProxy: (address: string) => boolean;
  readonly #counts = new Map<string, number>();

  constructor(perClientMax: number, isProxy: (address: string) => boolean) {
    this.#perClientMax = perClientMax;
    this.#isProxy = isProxy;
  }

  /** Counts a new connection until it closes, or cuts it. */
  enter(socket: Pick<Socket, 'remoteAddress' | 'once' | 'destroy'>): void {
    const address = plainAddress(socket.remoteAddress);
    if (this.#isProxy(address)) return;
    const client = clientNetwork(address);
    const count = this.#counts.get(client) ?? 0;
    if (count >= this.#perClientMax) {
      socket.destroy();
      return;
    }
    this.#counts.set(client, count + 1);
    socket.once('close', () => this.#leave(client));
  }

  #leave(client: string): void {
    const count = this.#counts.get(client) ?? 0;
    if (count <= 1) this.#counts.delete(client);
    else this.#counts.set(client, count - 1);
  }
}
