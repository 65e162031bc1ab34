/** Edge: loopback sockets. Shows challenges over plain HTTP, for tests of the client alone. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Challenge, ChallengeStage } from '../../src/tls/acme/client.ts';

export class HttpStage implements ChallengeStage, AsyncDisposable {
  readonly shown: Challenge[] = [];
  /** Those that are shown now. */
  readonly current = new Map<string, Challenge>();
  readonly #server = createServer((incoming, response) => {
    const token = (incoming.url ?? '').split('/').at(-1) ?? '';
    const challenge = this.current.get(token);
    response.statusCode = challenge === undefined ? 404 : 200;
    response.end(challenge?.keyAuthorization ?? '');
  });

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async show(challenge: Challenge): Promise<void> {
    this.shown.push(challenge);
    this.current.set(challenge.token, challenge);
  }

  async withdraw(challenge: Challenge): Promise<void> {
    this.current.delete(challenge.token);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
