/** What one owner has ordered in an hour leaves others' certificates to be had. */
import { expect, test } from 'vitest';
import { waitFor } from '../support/daemon.ts';
import { SecureWorld } from '../support/secure-daemon.ts';
import { askHttp1 } from '../support/tls-client.ts';

const NAMES = 200;
/** A folder may cause twenty a week. */
const FOLDERS = 30;
/** `limits.orders_per_hour_max` as it is shared: no more than is left for others, and one. */
const SHARE_MAX = 31;

test('an owner with hundreds of names has half of an hour’s orders, others theirs', async () => {
  await using world = await SecureWorld.prepare();
  for (let folder = 0; folder < FOLDERS; folder += 1) world.putFolder(`public/mallory/${folder}`);
  world.putFolder('public/carol');
  const names = Array.from({ length: NAMES }, (_, at) => `m${at}.test`);
  for (const [at, name] of names.entries()) world.point(name, `public/mallory/${at % FOLDERS}`);
  world.point('alice.test');
  world.point('carol.test', 'public/carol');
  // A busy machine may take its time: what is tested here is not how fast a handshake is.
  const env = {
    TERRAFIRMA_LIMITS_CERTIFICATE_WAIT_MS: '120000',
    TERRAFIRMA_LIMITS_HEADER_TIMEOUT_MS: '120000',
  };
  await world.startDaemon({ env });
  const { ca, tlsPort } = world;
  const ask = (serverName: string, localAddress: string) =>
    askHttp1(tlsPort, '/hello.wasm', { serverName, ca, localAddress });
  const askAll = () =>
    Promise.allSettled(names.map((name, at) => ask(name, `127.0.2.${1 + (at % 20)}`)));
  const ordersOf = (pattern: RegExp): number =>
    world.acme.orders.filter(({ hostName }) => pattern.test(hostName)).length;

  // The authority takes its time with hers: Alice's order passes all that wait.
  const held = Promise.withResolvers<void>();
  world.acme.rules.heldBy = held.promise;
  const hers = askAll();
  await waitFor(() => ordersOf(/^m\d/) > 2 || undefined);
  const alices = ask('alice.test', '127.0.3.1');
  await waitFor(() => ordersOf(/^alice/) > 0 || undefined);
  held.resolve();
  world.acme.rules.heldBy = undefined;
  expect(await alices).toMatchObject({ status: 200 });
  await hers;
  // She asks again and again, for as long as she gets more.
  await waitFor(async () => {
    await askAll();
    return ordersOf(/^m\d/) >= SHARE_MAX - 5 ? true : undefined;
  });
  await askAll();
  await askAll();
  expect(ordersOf(/^m\d/)).toBeLessThanOrEqual(SHARE_MAX);
  expect(await ask('carol.test', '127.0.3.2')).toMatchObject({ status: 200 });
});
