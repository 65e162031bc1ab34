import { afterEach, expect, test } from 'vitest';
import { FrameClient, listenSecurely, type SecureListener } from '../../support/tls-listener.ts';

const REQUESTS = 60;

let running: SecureListener | undefined;

afterEach(() => running?.[Symbol.asyncDispose]());

/** The most requests that begin before the event loop has gone round. */
async function mostPerTurn(
  connections: number,
  trustedCidrs: readonly string[] = [],
): Promise<number> {
  let most = 0;
  let begun = 0;
  let all = 0;
  running = await listenSecurely(
    {},
    async (exchange) => {
      if (begun === 0) {
        setImmediate(() => {
          most = Math.max(most, begun);
          begun = 0;
        });
      }
      begun += 1;
      all += 1;
      exchange.send({ status: 200, headers: [] }, Buffer.from('done'));
    },
    trustedCidrs,
  );
  const { port } = running;
  const clients = await Promise.all(
    Array.from({ length: connections }, () => FrameClient.open(port)),
  );
  for (const client of clients) {
    const requests = REQUESTS / connections;
    client.send(...Array.from({ length: requests }, (_, n) => FrameClient.get(2 * n + 1)));
  }
  await expect.poll(() => all).toBe(REQUESTS);
  await new Promise((resolve) => setImmediate(resolve));
  for (const client of clients) client.destroy();
  return most;
}

test('begins a few requests of one connection, then lets others have their turn', async () => {
  expect(await mostPerTurn(1)).toBe(16);
});

test('begins no more where they come on several connections', async () => {
  expect(await mostPerTurn(6)).toBe(16);
});

test('begins more of a trusted proxy, which carries the requests of many', async () => {
  const most = await mostPerTurn(1, ['127.0.0.0/8']);
  expect(most).toBeGreaterThan(16);
});
