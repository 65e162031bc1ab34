/** Certificates of three nodes: each name is ordered once, challenges are answered by any node. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AcmeServer } from '../support/acme-server.ts';
import { askAdmin, socketOf } from '../support/admin.ts';
import { TestFolder } from '../support/folder.ts';
import { natsProgram } from '../support/nats-servers.ts';
import { tlsPortOf } from '../support/secure-daemon.ts';
import { askHttp1, shakeHands } from '../support/tls-client.ts';
import { expectWithin, timeOf } from './times.ts';
import { ClusterWorld, isShort, type Node } from './world.ts';

const hourly = 6;

interface Resumed {
  readonly isResumed: boolean;
  readonly session: Buffer | undefined;
}

describe.skipIf(natsProgram === undefined)('certificates of three nodes', () => {
  let acme: AcmeServer;
  let keys: TestFolder;
  let world: ClusterWorld;

  beforeAll(async () => {
    acme = await AcmeServer.start();
    keys = new TestFolder();
    const sealKeyFile = keys.path('seal.key');
    writeFileSync(sealKeyFile, `${randomBytes(32).toString('hex')}\n`);
    world = await ClusterWorld.open({
      args: [
        ...['--tls-listen', '127.0.0.1:0', '--acme-terms-agreed', 'true'],
        ...['--acme-directory', acme.directoryUrl],
      ],
      environment: {
        TERRAFIRMA_CLUSTER_SEAL_KEY_FILE: sealKeyFile,
        TERRAFIRMA_LIMITS_ORDERS_PER_HOUR_MAX: String(hourly * 2),
      },
    });
  });

  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    await acme?.[Symbol.asyncDispose]();
    keys?.[Symbol.dispose]();
  });

  /** The authority looks at this node, whichever orders. */
  function lookAt(node: Node): void {
    acme.rules.httpPort = node.daemon.port;
    acme.rules.tlsPort = tlsPortOf(node.daemon);
  }

  async function handshake(node: Node, name: string): Promise<number> {
    const options = { serverName: name, ca: acme.authority.rootPem };
    const reply = await askHttp1(tlsPortOf(node.daemon), '/hello.wasm', options);
    return reply.status;
  }

  function ordersOf(name: string): number {
    return acme.orders.filter(({ hostName }) => hostName === name).length;
  }

  test('the first handshakes of one name on all nodes at once cause one order', async () => {
    const name = 'www.one.example';
    world.point(name);
    lookAt(world.node(1));
    const all = await Promise.all(world.nodes.map((node) => handshake(node, name)));
    expect(all).toEqual([200, 200, 200]);
    expect(ordersOf(name)).toBe(1);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'a session of %s goes on on any node',
    async (version) => {
      const name = 'www.one.example';
      const keep = async (node: Node, session?: Buffer): Promise<Resumed> => {
        const options = { serverName: name, maxVersion: version, ...(session && { session }) };
        const socket = await shakeHands(tlsPortOf(node.daemon), options);
        const isResumed = socket.isSessionReused();
        // With TLS 1.3 tickets come after the handshake.
        let ticket: Buffer | undefined = socket.getSession();
        socket.on('session', (later: Buffer) => {
          ticket = later;
        });
        socket.write(`GET /hello.wasm HTTP/1.1\r\nhost: ${name}\r\nconnection: close\r\n\r\n`);
        socket.resume();
        await once(socket, 'close');
        return { isResumed, session: ticket };
      };
      for (const from of world.nodes) {
        const { session } = await keep(from);
        for (const to of world.nodes) {
          expect((await keep(to, session)).isResumed, `${from.name} to ${to.name}`).toBe(true);
        }
      }
    },
  );

  test.each(['http-01', 'tls-alpn-01'])('any node answers a %s challenge', async (type) => {
    acme.rules.challengeTypes = [type];
    const name = `www.${type}.example`;
    world.point(name);
    lookAt(world.node(2));
    expect(await handshake(world.node(0), name)).toBe(200);
    expect(ordersOf(name)).toBe(1);
    expect(acme.validated.at(-1)).toBe(type);
    expect(await handshake(world.node(1), name)).toBe(200);
    expect(ordersOf(name)).toBe(1);
    acme.rules.challengeTypes = ['http-01', 'tls-alpn-01'];
  });

  test('strangers who ask for tokens reach the engine 20 times a second at most', async () => {
    const node = world.node(0);
    const before = await leaderReads(node);
    const startedAtMs = performance.now();
    for (let round = 0; round < 20; round += 1) {
      const asked = Array.from({ length: 20 }, () => {
        const token = randomBytes(24).toString('base64url');
        return world.ask(node, `/.well-known/acme-challenge/${token}`);
      });
      expect((await Promise.all(asked)).every(({ status }) => status !== 200)).toBe(true);
    }
    const seconds = (performance.now() - startedAtMs) / 1_000;
    // The node itself reads too: who is there, what is to be renewed.
    expect((await leaderReads(node)) - before).toBeLessThan(20 + 20 * seconds + 20);
  });

  async function leaderReads(node: Node): Promise<number> {
    const { text } = await askAdmin(socketOf(node.daemon), '/metrics');
    return Number(/^terrafirma_cluster_leader_reads_total (\d+)$/m.exec(text)?.[1]);
  }

  test('what is kept serves while the engine is away, also after a restart', async () => {
    const name = 'www.one.example';
    const node = world.node(0);
    expect(await handshake(node, name)).toBe(200);
    for (const index of [0, 1, 2]) await world.servers.signal(index, 'SIGTERM');
    await world.restart(node);
    await expect.poll(() => handshake(node, name).catch(String), { timeout: 60_000 }).toBe(200);
    await world.servers.restart();
    const before = acme.orders.length;
    expect(await handshake(node, name)).toBe(200);
    expect(acme.orders.length).toBe(before);
  });

  test('a node that could not use the store at its start orders once it can', async () => {
    const name = 'www.later.example';
    world.point(name);
    const node = world.node(1);
    lookAt(world.node(0));
    await node.daemon.stop('SIGTERM');
    for (const index of [0, 1, 2]) await world.servers.signal(index, 'SIGTERM');
    // It keeps no account either, as one that had no HTTPS before.
    rmSync(node.state.path('kept'), { recursive: true });
    await world.restart(node);
    await node.daemon.waitForLog(({ event }) => event === 'certificates-not-usable');
    await expect(handshake(node, name)).rejects.toThrow();
    await world.servers.restart();
    const answer = (): Promise<unknown> => handshake(node, name).catch(String);
    await expect.poll(answer, { timeout: 60_000 }).toBe(200);
    expect(ordersOf(name)).toBe(1);
  });

  test.skipIf(isShort)('a node that dies while it orders costs one order more', async () => {
    const name = 'www.dying.example';
    world.point(name);
    const [dying, other] = [world.node(0), world.node(1)];
    lookAt(other);
    const held = Promise.withResolvers<void>();
    acme.rules.heldBy = held.promise;
    const first = handshake(dying, name).catch(String);
    await expect.poll(() => ordersOf(name), { timeout: 60_000 }).toBe(1);
    await dying.daemon.stop('SIGKILL');
    await first;
    acme.rules.heldBy = undefined;
    held.resolve();
    const killedAtMs = Date.now();
    const answer = (): Promise<unknown> => handshake(other, name).catch(String);
    await expect.poll(answer, { timeout: 100_000, interval: 500 }).toBe(200);
    expect(ordersOf(name)).toBeLessThanOrEqual(2);
    const issued = await other.daemon.waitForLog((line) => {
      return line.event === 'certificate-issued' && line.hostName === name;
    });
    await world.restart(dying);
    // The lock's 30 s, two more, and what an order takes.
    expectWithin(
      'the name of a node that died while it ordered has its certificate',
      timeOf(issued) - killedAtMs,
      35_000,
    );
  });

  test('the cap of an hour holds for all nodes together', async () => {
    lookAt(world.node(0));
    const before = acme.orders.length;
    const names = Array.from({ length: hourly * 4 }, (_, n) => `www.many${n}.example`);
    for (const name of names) world.point(name);
    await Promise.allSettled(names.map((name, n) => handshake(world.node(n % 3), name)));
    expect(acme.orders.length).toBeLessThanOrEqual(hourly * 2);
    expect(acme.orders.length).toBeGreaterThan(before);
  });
});
