/**
 * Clients of attackers: from other addresses than Alice's visitors, and indifferent to what they
 * are told. Touches loopback sockets.
 */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface AttackRequest {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** Address number `client` of loopback; Alice's visitors come from 127.0.0.1. */
export function attackerAddress(client = 0): string {
  return `127.9.${Math.floor(client / 254)}.${(client % 254) + 1}`;
}

/** Whether an answer came whole, whatever it was. */
export function askOnce(plan: AttackRequest, agent: Agent, localAddress: string): Promise<boolean> {
  const { port, host, path, method = 'GET', headers, body } = plan;
  return new Promise((resolve) => {
    const outgoing = request(
      { host: '127.0.0.1', port, path, method, agent, localAddress, headers: { host, ...headers } },
      (incoming) => {
        incoming.resume();
        incoming.on('close', () => resolve(incoming.complete));
      },
    );
    outgoing.on('error', () => resolve(false));
    outgoing.end(body);
  });
}

export interface FloodOptions {
  readonly connections: number;
  /** How many addresses the connections come from. */
  readonly clients?: number;
  readonly signal: AbortSignal;
}

/**
 * Keeps `connections` busy, one request after the other on each. `next` says what is asked, by how
 * many requests there were before.
 */
export async function flood(
  next: (count: number) => AttackRequest,
  options: FloodOptions,
): Promise<void> {
  const { connections, clients = 1, signal } = options;
  let count = 0;
  const visitor = async (number: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    signal.addEventListener('abort', () => agent.destroy());
    while (!signal.aborted) {
      const plan = next(count);
      count += 1;
      const isAnswered = await askOnce(plan, agent, attackerAddress(number % clients));
      // A refused connection must not turn the attacker into a busy loop.
      if (!isAnswered) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, number) => visitor(number)));
}

/** A bare connection of an attacker. Its errors are swallowed: being cut off is what we want. */
export async function openSocket(port: number, client = 0): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, localAddress: attackerAddress(client) });
  socket.on('error', () => socket.destroy());
  // `once` rejects with the socket's error: a refused connection is a closed one.
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined);
  return socket;
}

/** Resolves when the attack is over. */
export function ended(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}
