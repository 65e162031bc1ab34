/** Nonces of requests that are sent at the same time. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { AcmeTransport } from '../../../src/tls/acme/transport.ts';
import { newCertificateKey } from '../../../src/tls/x509.ts';

test('a first nonce is for the request that has asked for it', async () => {
  let given = 0;
  const server = createServer((incoming, response) => {
    given += 1;
    response.setHeader('replay-nonce', `nonce${given}`);
    response.end(incoming.method === 'HEAD' ? undefined : '{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const signed = { url, payload: {}, key: newCertificateKey(), accountUrl: undefined, action: 'x' };
  let second: Promise<unknown> | undefined;
  const transport: AcmeTransport = new AcmeTransport({
    ...{ directoryUrl: url, timeoutMs: 30_000 },
    // Asked once the answer with the nonce is there, and before whoever waits for it goes on.
    nowMs: () => {
      second ??= transport.post(signed, url);
      return 0;
    },
  });
  expect((await transport.post(signed, url)).status).toBe(200);
  expect(await second).toMatchObject({ status: 200 });
  await transport.close();
  server.close();
});
