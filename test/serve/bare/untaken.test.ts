/** Answers to bare requests that their client leaves with us. */
import { expect, test } from 'vitest';
import type { HttpExchange } from '../../../src/serve/exchange.ts';
import { waitFor } from '../../support/daemon.ts';
import { listenPlainly } from '../../support/plain-listener.ts';
import { RawClient } from '../../support/raw-client.ts';

/** Writes until the system takes no more, which leaves a piece in the connection. */
async function fill(exchange: HttpExchange): Promise<void> {
  exchange.start({ status: 200, headers: [] });
  do {
    await exchange.write(Buffer.alloc(1_000));
    await new Promise((resolve) => setImmediate(resolve));
  } while (exchange.taker?.isTaken === true);
}

test.each([0, 2])(
  'a client that has ended its side loses them, too, with %d ahead',
  async (ahead) => {
    const filled = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    await using plain = await listenPlainly({ replyIdleTimeoutMs: 300 }, async (exchange) => {
      await fill(exchange);
      filled.resolve();
      await ended.promise;
      exchange.end();
    });
    const client = new RawClient(plain.port);
    client.socket.pause();
    await client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1 + ahead));
    await filled.promise;
    client.socket.end();
    await new Promise((resolve) => setTimeout(resolve, 50));
    ended.resolve();
    await waitFor(() => Promise.resolve(plain.listener.connectionCounts.http1 === 0 || undefined));
    expect(plain.exchanges.map(({ isGone }) => isGone)).toEqual([true]);
    client.socket.destroy();
  },
);
