import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostName } from '../../../src/names.ts';
import { AcmeClient, type AcmeClientOptions } from '../../../src/tls/acme/client.ts';
import { newCertificateKey, publicKeyInfo } from '../../../src/tls/x509.ts';
import type { TestAuthority } from '../../support/acme-authority.ts';
import { AcmeServer } from '../../support/acme-server.ts';
import { HttpStage } from '../../support/acme-stage.ts';

const NAME = 'site.test' as HostName;
const EXTERNAL = { keyId: 'kid-1', hmacKey: Buffer.alloc(32, 7).toString('base64url') };

describe('an ACME client', () => {
  let server: AcmeServer;
  let stage: HttpStage;
  const clients: AcmeClient[] = [];

  beforeEach(async () => {
    server = await AcmeServer.start();
    stage = new HttpStage();
    server.rules.httpPort = await stage.start();
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    await stage[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  function open(options: Partial<AcmeClientOptions> = {}): AcmeClient {
    const client = new AcmeClient({
      directoryUrl: server.directoryUrl,
      accountKey: newCertificateKey(),
      contacts: ['a@site.test'],
      external: undefined,
      profile: undefined,
      challengeTypes: ['http-01'],
      stage,
      caPem: undefined,
      requestTimeoutMs: 5_000,
      orderTimeoutMs: 20_000,
      nowMs: Date.now,
      wait: () => new Promise((resolve) => setImmediate(resolve)),
      random: () => 0.5,
      ...options,
    });
    clients.push(client);
    return client;
  }

  test('orders a certificate for one name with a key of its own', async () => {
    const issued = await open().order(NAME);
    const certificate = new X509Certificate(issued.chainPem);
    expect(certificate.subjectAltName).toBe('DNS:site.test');
    expect(server.authority.hasIssued(issued.chainPem)).toBe(true);
    expect(stage.shown.map((challenge) => challenge.type)).toEqual(['http-01']);
    expect(stage.current.size).toBe(0);
  });

  test('opens one account for all its orders', async () => {
    const client = open();
    await Promise.all([client.order(NAME), client.order('b.test' as HostName)]);
    expect(server.accounts).toBe(1);
    expect(server.orders.length).toBe(2);
  });

  test('tries again with the nonce of a refusal', async () => {
    server.rules.badNonces = 3;
    await open().order(NAME);
    expect(server.orders.length).toBe(1);
  });

  test('gives up a directory that refuses every nonce', async () => {
    server.rules.badNonces = 1_000;
    await expect(open().order(NAME)).rejects.toMatchObject({ problemType: 'badNonce' });
    expect(server.requests).toBeLessThan(20);
  });

  test('opens its account again where the directory forgot it', async () => {
    const client = open();
    await client.order(NAME);
    server.forgetAccounts();
    await client.order(NAME);
    expect(server.accounts).toBe(1);
  });

  test('says what the authority said when it refuses the name', async () => {
    server.rules.rejectedNames.add(NAME);
    await expect(open().order(NAME)).rejects.toMatchObject({
      fault: 'rejected',
      message: expect.stringContaining('policy forbids this name'),
    });
  });

  const resources = ['directory', 'nonce', 'account', 'new-order', 'authorization', 'challenge'];
  const all = [...resources, 'order', 'finalize', 'certificate'];

  test.each(all)('survives a cut connection, a 500 and a 503 of %s', async (resource) => {
    server.rules.faults.push({ resource }, { resource, status: 500 });
    server.rules.faults.push({ resource, status: 503, retryAfterS: 2 });
    await open().order(NAME);
    expect(server.rules.faults).toEqual([]);
  });

  test.each(all)('survives that an answer of %s is lost after the deed', async (resource) => {
    server.rules.faults.push({ resource, isDone: true });
    await open().order(NAME);
    expect(server.rules.faults).toEqual([]);
  });

  test.each([
    { resource: 'order', status: 429, type: 'rateLimited', retryAfterS: 3 },
    { resource: 'finalize', status: 403, type: 'orderNotReady' },
    { resource: 'certificate', status: 404, type: 'malformed' },
    { resource: 'order', status: 404, type: 'malformed' },
  ])('survives $status $type of $resource', async (fault) => {
    server.rules.faults.push(fault, fault);
    await open().order(NAME);
    expect(server.rules.faults).toEqual([]);
    expect(server.orders.length).toBe(1);
  });

  test('waits as long as the server says, and a little more', async () => {
    const pauses: number[] = [];
    const wait = async (delayMs: number): Promise<void> => {
      pauses.push(delayMs);
    };
    server.rules.faults.push({ resource: 'new-order', status: 503, retryAfterS: 7 });
    server.rules.faults.push({ resource: 'new-order', status: 503 });
    await open({ wait, random: () => 1 }).order(NAME);
    expect(pauses.slice(0, 2)).toEqual([8_750, 2_500]);
  });

  test('comes to an end with a server that fails for ever', async () => {
    server.rules.failure = { status: 503, type: 'serverInternal' };
    await expect(open().order(NAME)).rejects.toMatchObject({ scope: 'directory', status: 503 });
    expect(server.requests).toBe(5);
  });

  test.each([
    [3_600, 'new-order', 1],
    [3_600, 'order', 1],
    [undefined, 'new-order', 1],
  ])('does not sit out a quota (Retry-After %s of %s)', async (retryAfterS, resource, tries) => {
    const fault = { resource, status: 429, type: 'rateLimited' };
    const faults = Array.from({ length: 9 }, () =>
      retryAfterS === undefined ? fault : { ...fault, retryAfterS },
    );
    server.rules.faults.push(...faults);
    await expect(open().order(NAME)).rejects.toMatchObject({
      fault: 'rate-limited',
      scope: 'order',
    });
    expect(server.rules.faults.length).toBe(9 - tries);
  });

  test('says of whom a failure is', async () => {
    for (const resource of ['directory', 'account', 'new-order', 'order']) {
      const faults = Array.from({ length: 5 }, () => ({ resource, status: 500 }));
      server.rules.faults.push(...faults);
      const scope = ['directory', 'account'].includes(resource) ? 'directory' : 'order';
      await expect(open().order(NAME)).rejects.toMatchObject({ scope, fault: 'unavailable' });
    }
    await server[Symbol.asyncDispose]();
    await expect(open().order(NAME)).rejects.toMatchObject({ scope: 'directory', status: 0 });
  });

  test('takes a relative Location', async () => {
    server.rules.hasRelativeLocation = true;
    await open().order(NAME);
    expect(server.orders.length).toBe(1);
  });

  test('begins with another kind of challenge at each attempt', async () => {
    const client = open({ challengeTypes: ['tls-alpn-01', 'http-01'] });
    await expect(client.order(NAME)).rejects.toMatchObject({ fault: 'rejected' });
    await client.order(NAME, { attempt: 1 });
    expect(stage.shown.map((challenge) => challenge.type)).toEqual(['tls-alpn-01', 'http-01']);
  });

  test('fails as rejected, and withdraws, when a challenge is not met', async () => {
    stage.show = () => Promise.resolve();
    await expect(open().order(NAME)).rejects.toMatchObject({
      fault: 'rejected',
      problemType: 'unauthorized',
    });
    expect(stage.current.size).toBe(0);
  });

  test.each([
    [500, 'serverInternal', 'unavailable'],
    [429, 'rateLimited', 'rate-limited'],
  ] as const)('tells a failure with status %i as %s', async (status, type, fault) => {
    server.rules.failure = { status, type };
    await expect(open().order(NAME)).rejects.toMatchObject({ fault });
  });

  test.each([
    ['of another name', (pem: string): string => pem, 'other.test'],
    [
      'whose chain breaks off',
      (pem: string): string => `${pem}-----BEGIN CERTIFICATE-----\nMIIB`,
      NAME,
    ],
    ['that is no PEM', (_pem: string): string => '<html>', NAME],
  ] as const)('takes no certificate %s', async (_what, spoil, hostName) => {
    const { authority } = server;
    const issue: TestAuthority['issue'] = authority.issue.bind(authority);
    authority.issue = (csr, validity) => {
      const issued = issue(csr, validity);
      const publicKey = publicKeyInfo(new X509Certificate(issued.pem).publicKey);
      const pem: string = spoil(authority.sign(hostName, publicKey, validity));
      return { hostName: issued.hostName, pem };
    };
    await expect(open().order(NAME)).rejects.toMatchObject({ fault: 'unavailable' });
  });

  test('takes no certificate that has ended', async () => {
    server.rules.lifetimeMs = -1_000;
    await expect(open().order(NAME)).rejects.toThrow(/must still hold/);
  });

  test('gives up an order that does not end in time', async () => {
    let nowMs = Date.now();
    const held = Promise.withResolvers<void>();
    server.rules.heldBy = held.promise;
    const client = open({
      nowMs: () => nowMs,
      wait: async (delayMs) => {
        nowMs += delayMs;
        await new Promise((resolve) => setImmediate(resolve));
      },
      orderTimeoutMs: 30_000,
    });
    await expect(client.order(NAME)).rejects.toThrow(/within 30000 ms/);
    held.resolve();
  });

  test('binds its account to one the authority knows', async () => {
    server.rules.external = EXTERNAL;
    await open({ external: EXTERNAL }).order(NAME);
    expect(server.accounts).toBe(1);
    const wrong = { ...EXTERNAL, hmacKey: 'AAAA' };
    await expect(open({ external: wrong }).order(NAME)).rejects.toMatchObject({
      fault: 'rejected',
    });
    await expect(open().order(NAME)).rejects.toThrow(/external_key_id/);
  });

  test('asks for its profile where that is offered, and else for none', async () => {
    await open({ profile: 'shortlived' }).order(NAME);
    server.rules.profiles = ['shortlived'];
    await open({ profile: 'shortlived' }).order(NAME);
    expect(server.orders.map((order) => order.profile)).toEqual([undefined, 'shortlived']);
  });

  test('asks when to renew, and says what a new certificate replaces', async () => {
    const client = open();
    const issued = await client.order(NAME);
    const certificate = new X509Certificate(issued.chainPem);
    expect(await client.renewalWindow(certificate)).toBeUndefined();
    const asked: string[] = [];
    server.rules.renewalWindow = (id) => {
      asked.push(id);
      return { start: '2030-01-01T00:00:00Z', end: '2030-01-02T00:00:00Z' };
    };
    const other = open();
    expect(await other.renewalWindow(certificate)).toEqual({
      startMs: Date.parse('2030-01-01T00:00:00Z'),
      endMs: Date.parse('2030-01-02T00:00:00Z'),
      retryAfterMs: 60_000,
    });
    await other.order(NAME, { replaces: certificate });
    expect(server.orders.at(-1)?.replaces).toBe(asked[0]);
    expect(asked[0]).toMatch(/^[\w-]+\.[\w-]+$/);
  });
});
