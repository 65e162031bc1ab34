import { connect } from 'node:http2';
import { afterEach, expect, test } from 'vitest';
import { Account } from '../../src/account/account.ts';
import { createSharedAccount } from '../../src/account/shared.ts';
import type { OwnerKey } from '../../src/names.ts';
import { listenSecurely, type SecureListener } from '../support/tls-listener.ts';
import { untilHolds } from '../support/until-holds.ts';

const mib = 1024 * 1024;
let running: SecureListener | undefined;

afterEach(async () => {
  await running?.[Symbol.asyncDispose]();
  running = undefined;
});

test('one connection that opens no window holds no more than one client may', async () => {
  const shared = createSharedAccount({ threads: 1, bytesMax: 8 * 1024 * mib, memoriesMax: 9 });
  const account = new Account(shared, 0);
  running = await listenSecurely(
    { heldBytesPerClientMax: 10 * mib, replyIdleTimeoutMs: 3_000 },
    async (exchange) => {
      exchange.chargeTo(account.shareOf('/mallory' as OwnerKey));
      exchange.send({ status: 200, headers: [] }, new Uint8Array(mib));
    },
  );
  const client = connect(`https://127.0.0.1:${running.port}`, {
    ca: running.ca,
    servername: 'site.test',
    settings: { initialWindowSize: 0 },
  });
  const statuses: unknown[] = [];
  const closed: Promise<void>[] = [];
  for (let each = 0; each < 100; each += 1) {
    const stream = client.request({ ':path': '/', ':authority': 'site.test' });
    stream.on('response', (headers) => statuses.push(headers[':status']));
    stream.on('error', () => undefined);
    closed.push(new Promise((resolve) => stream.once('close', () => resolve())));
    stream.end();
  }
  await untilHolds(() => expect(statuses).toHaveLength(100));
  expect(statuses.filter((status) => status === 200)).toHaveLength(10);
  expect(statuses.filter((status) => status === 503)).toHaveLength(90);
  expect(account.heldBy('reply')).toBe(10 * mib);
  // Nothing was taken of any of them: they are cut, and their memory is free again.
  await Promise.all(closed);
  await untilHolds(() => expect(account.heldBy('reply')).toBe(0));
  client.destroy();
});
