import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changeAdmin, socketOf } from '../support/admin.ts';
import { type LogLine, waitFor } from '../support/daemon.ts';
import { ask } from '../support/http.ts';
import { FOLDER, SecureWorld } from '../support/secure-daemon.ts';
import { askHttp1, askHttp2, shakeHands } from '../support/tls-client.ts';

describe('HTTPS with certificates ordered by themselves', () => {
  let world: SecureWorld;

  beforeAll(async () => {
    world = await SecureWorld.prepare();
    // A busy machine may take its time: what is tested here is not how fast a handshake is.
    const env = {
      TERRAFIRMA_LIMITS_CERTIFICATE_WAIT_MS: '120000',
      TERRAFIRMA_LIMITS_HEADER_TIMEOUT_MS: '120000',
    };
    await world.startDaemon({ env });
  });

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  function ordersOf(name: string): number {
    return world.acme.orders.filter((order) => order.hostName === name).length;
  }

  test('answers the very first request of a name, over HTTP/1.1 and HTTP/2', async () => {
    world.point('site.test');
    const { ca, tlsPort } = world;
    const first = await askHttp1(tlsPort, '/hello.wasm', { serverName: 'site.test', ca });
    expect(first).toMatchObject({ status: 200, protocol: 'http/1.1' });
    const second = await askHttp2(tlsPort, '/hello.wasm', { serverName: 'site.test', ca });
    expect(second).toMatchObject({ status: 200, protocol: 'h2', text: first.text });
    expect(first.headers['strict-transport-security']).toBe('max-age=604800');
    expect(second.headers['strict-transport-security']).toBe('max-age=604800');
    expect(ordersOf('site.test')).toBe(1);
  });

  test.each(['http-01', 'tls-alpn-01'])('proves names by %s', async (type) => {
    const name = `${type}.proof.test`;
    world.point(name);
    const before = world.acme.validated.length;
    world.acme.rules.challengeTypes = [type];
    const { ca, tlsPort } = world;
    expect(await askHttp1(tlsPort, '/hello.wasm', { serverName: name, ca })).toMatchObject({
      status: 200,
    });
    expect(world.acme.validated.slice(before)).toEqual([type]);
    world.acme.rules.challengeTypes = ['http-01', 'tls-alpn-01'];
  });

  test('refuses handshakes for names without a record, and orders nothing', async () => {
    const before = world.acme.requests;
    const names = Array.from({ length: 200 }, (_, n) => `n${n}.nothing.test`);
    const refused = await Promise.allSettled(
      names.map((serverName) => shakeHands(world.tlsPort, { serverName })),
    );
    expect(refused.every((one) => one.status === 'rejected')).toBe(true);
    expect(world.acme.requests).toBe(before);
  });

  test.each(['127.0.0.1', 'localhost', '_x.site.test'])(
    'refuses the handshake for %s',
    async (serverName) => {
      await expect(shakeHands(world.tlsPort, { serverName })).rejects.toThrow();
      expect(ordersOf(serverName)).toBe(0);
    },
  );

  test('refuses handshakes that name nobody', async () => {
    await expect(shakeHands(world.tlsPort, { serverName: '' })).rejects.toThrow();
  });

  test('orders one certificate for a thousand handshakes at once', {
    timeout: 180_000,
  }, async () => {
    world.point('crowd.test');
    const held = Promise.withResolvers<void>();
    world.acme.rules.heldBy = held.promise;
    const all = Promise.all(
      Array.from({ length: 1_000 }, () => shakeHands(world.tlsPort, { serverName: 'crowd.test' })),
    );
    const isOrdered = waitFor(() => ordersOf('crowd.test') || undefined, 90_000);
    await Promise.race([isOrdered, all]);
    held.resolve();
    for (const socket of await all) socket.destroy();
    world.acme.rules.heldBy = undefined;
    expect(ordersOf('crowd.test')).toBe(1);
    // Nobody took the threads, which had much to do, for stuck.
    const told = world.daemon.log.filter(({ msg }) => msg.startsWith('thread'));
    expect(told).toEqual([]);
  });

  test('speaks TLS 1.2 and 1.3, and nothing older', async () => {
    for (const [maxVersion, protocol] of [
      ['TLSv1.2', 'TLSv1.2'],
      ['TLSv1.3', 'TLSv1.3'],
    ] as const) {
      const socket = await shakeHands(world.tlsPort, { serverName: 'site.test', maxVersion });
      expect(socket.getProtocol()).toBe(protocol);
      socket.destroy();
    }
    const old = shakeHands(world.tlsPort, { serverName: 'site.test', maxVersion: 'TLSv1.1' });
    await expect(old).rejects.toThrow();
  });

  test('resumes sessions whichever thread they began on', async () => {
    const first = await shakeHands(world.tlsPort, {
      serverName: 'site.test',
      maxVersion: 'TLSv1.2',
    });
    const session = first.getSession();
    first.destroy();
    if (session === undefined) throw new Error('no session');
    for (let count = 0; count < 12; count += 1) {
      const again = await shakeHands(world.tlsPort, {
        ...{ serverName: 'site.test', maxVersion: 'TLSv1.2', session },
      });
      expect(again.isSessionReused()).toBe(true);
      again.destroy();
    }
  });

  test('answers 421 when the request names another host than the handshake', async () => {
    world.point('other.test');
    const { ca, tlsPort } = world;
    const options = { serverName: 'site.test', host: 'other.test', ca };
    for (const askOver of [askHttp1, askHttp2]) {
      expect((await askOver(tlsPort, '/hello.wasm', options)).status).toBe(421);
      const same = { serverName: 'site.test', host: `SITE.test:${tlsPort}`, ca };
      expect((await askOver(tlsPort, '/hello.wasm', same)).status).toBe(200);
    }
  });

  test('sends visitors of plain HTTP on, and tells the others what is missing', async () => {
    const port = world.daemon.port;
    const reply = await ask(port, '/hello.wasm?a=b', { host: 'site.test:80', method: 'POST' });
    expect(reply.status).toBe(308);
    expect(reply.headers.location).toBe(`https://site.test:${world.tlsPort}/hello.wasm?a=b`);
    const line = await world.daemon.waitForLog(({ status }) => status === 308);
    expect(line).toMatchObject({ outcome: 'redirected', hostName: 'site.test' });
    const asked = ({ outcome }: LogLine): boolean => outcome === 'challenge';
    expect(world.daemon.log.filter(asked).length).toBeGreaterThan(0);
    const missing = await ask(port, '/hello.wasm', { host: 'nobody.test' });
    expect(missing.status).toBe(503);
    expect(missing.text).toContain('_keybase_pages.nobody.test');
    const path = '/.well-known/acme-challenge/nothing';
    expect((await ask(port, path, { host: 'site.test' })).status).toBe(308);
  });

  test.each([
    { kind: 'host', value: 'site.test' },
    { kind: 'folder', value: `/keybase/${FOLDER}` },
    { kind: 'address', value: '127.0.0.1' },
  ])('tells by plain HTTP of a ban by $kind: HTTPS may show no page', async (wanted) => {
    world.point('site.test');
    const { port } = world.daemon;
    const visit = () => ask(port, '/hello.wasm', { host: 'site.test' });
    const socket = socketOf(world.daemon);
    expect((await visit()).status).toBe(308);
    expect((await changeAdmin(socket, 'POST', '/v1/bans', wanted)).status).toBe(200);
    const banned = await visit();
    expect((await changeAdmin(socket, 'DELETE', '/v1/bans', wanted)).status).toBe(200);
    expect(banned.status).toBe(403);
    expect(banned.text).toContain('the operator of this server does not allow it');
    expect((await visit()).status).toBe(308);
  });

  test('serves what it has while the authority is broken', async () => {
    world.acme.rules.failure = { status: 500, type: 'serverInternal' };
    world.point('late.test');
    const { ca, tlsPort } = world;
    await expect(shakeHands(tlsPort, { serverName: 'late.test' })).rejects.toThrow();
    expect((await askHttp2(tlsPort, '/', { serverName: 'site.test', ca })).status).toBe(404);
    world.acme.rules.failure = undefined;
  });

  test('orders nothing for names of a wildcard record', async () => {
    const entry = { txt: [`kbp=/keybase/${FOLDER}`] };
    const before = world.acme.orders.length;
    const prefix = '_keybase_pages.';
    const table = world.dns.table;
    const get = table.get.bind(table);
    table.get = (name) => {
      if (!name.endsWith('.wild.test')) return get(name);
      return name.startsWith(prefix) ? entry : { a: ['127.0.0.1'] };
    };
    const names = Array.from({ length: 100 }, (_, n) => `n${n}.wild.test`);
    const ends = await Promise.allSettled(
      names.map((serverName) => shakeHands(world.tlsPort, { serverName })),
    );
    expect(ends.every((end) => end.status === 'rejected')).toBe(true);
    expect(world.acme.orders.length).toBe(before);
  });
});

describe('a handshake', () => {
  test('waits for its certificate up to the limit; the next one gets it', async () => {
    await using world = await SecureWorld.prepare();
    world.point('slow.test');
    const held = Promise.withResolvers<void>();
    world.acme.rules.heldBy = held.promise;
    await world.startDaemon({ env: { TERRAFIRMA_LIMITS_CERTIFICATE_WAIT_MS: '700' } });
    const options = { serverName: 'slow.test' };
    await expect(shakeHands(world.tlsPort, options)).rejects.toThrow(/unrecognized name/);
    await waitFor(() => (world.acme.orders.length === 1 ? true : undefined));
    held.resolve();
    const socket = await waitFor(() => shakeHands(world.tlsPort, options).catch(() => undefined));
    socket.destroy();
    expect(world.acme.orders.length).toBe(1);
  });

  test('resumes a session of TLS 1.3 whichever thread it began on', async () => {
    await using world = await SecureWorld.prepare();
    world.point('site.test');
    await world.startDaemon();
    const options = { serverName: 'site.test', maxVersion: 'TLSv1.3' } as const;
    const first = await shakeHands(world.tlsPort, options);
    const session = await new Promise<Buffer>((resolve) => first.once('session', resolve));
    first.destroy();
    for (let count = 0; count < 12; count += 1) {
      const again = await shakeHands(world.tlsPort, { ...options, session });
      expect(again.isSessionReused()).toBe(true);
      again.destroy();
    }
  });

  test('that waits does not hold up the end of the daemon', async () => {
    await using world = await SecureWorld.prepare();
    world.point('slow.test');
    const held = Promise.withResolvers<void>();
    world.acme.rules.heldBy = held.promise;
    const daemon = await world.startDaemon();
    const waiting = shakeHands(world.tlsPort, { serverName: 'slow.test' }).catch(() => 'refused');
    await waitFor(() => (world.acme.orders.length === 1 ? true : undefined));
    expect(await daemon.stop()).toEqual({ code: 0, signal: null });
    expect(await waiting).toBe('refused');
    held.resolve();
  });
});

describe('certificates', () => {
  test('outlive a killed daemon, and are not ordered again', async () => {
    await using world = await SecureWorld.prepare();
    world.point('site.test');
    const daemon = await world.startDaemon();
    const { stateDirectory } = daemon;
    const options = { serverName: 'site.test', ca: world.ca };
    expect((await askHttp1(world.tlsPort, '/hello.wasm', options)).status).toBe(200);
    // The second is in the middle of its order when the daemon is killed.
    world.point('middle.test');
    const held = Promise.withResolvers<void>();
    world.acme.rules.heldBy = held.promise;
    const waiting = shakeHands(world.tlsPort, { serverName: 'middle.test' }).catch(() => undefined);
    await waitFor(() => (world.acme.orders.length === 2 ? true : undefined));
    await daemon.stop('SIGKILL');
    held.resolve();
    await waiting;
    world.acme.rules.heldBy = undefined;
    await world.startDaemon({ stateDirectory });
    expect((await askHttp1(world.tlsPort, '/hello.wasm', options)).status).toBe(200);
    const middle = { serverName: 'middle.test', ca: world.ca };
    expect((await askHttp1(world.tlsPort, '/hello.wasm', middle)).status).toBe(200);
    expect(world.acme.orders.map((order) => order.hostName)).toEqual([
      'site.test',
      'middle.test',
      'middle.test',
    ]);
    expect(world.acme.accounts).toBe(1);
    await daemon[Symbol.asyncDispose]();
  });
});
