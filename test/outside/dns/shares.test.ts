import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { defaultDns, defaultLimits } from '../../../src/config/config.ts';
import { type FolderKey, ownerOf, parseHostName } from '../../../src/names.ts';
import { Resolver, type ResolverLimits } from '../../../src/outside/dns/dns.ts';
import { type DnsServer, startDnsServer } from '../../support/dns-server.ts';

const record = 'kbp=/keybase/private/alice,bot/';
const mallory = '192.0.2.66';
const alice = '192.0.2.1';

let server: DnsServer;
let clockMs: number;
beforeEach(async () => {
  server = await startDnsServer();
  clockMs = 1_000_000;
  // However long a busy machine takes: nobody gives up before he is told to.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await server.close();
});

/** What is still unanswered is given up, once the server has been asked so many questions. */
async function giveUp(questions: number): Promise<void> {
  await expect.poll(() => server.queries.length, { timeout: 30_000 }).toBe(questions);
  vi.advanceTimersByTime(60_000);
}

function open(limits: Partial<ResolverLimits> = {}): Resolver {
  return new Resolver({
    dns: { ...defaultDns, servers: [server], recordNames: ['_keybase_pages'] },
    limits: { ...defaultLimits, dnsTimeoutMs: 100, dnsAttemptsMax: 1, ...limits },
    nowMs: () => clockMs,
  });
}

async function codeOf(resolver: Resolver, name: string, client?: string): Promise<string> {
  const lookup = await resolver.record(parseHostName(name), client);
  return lookup.kind === 'found' ? 'found' : lookup.error.code;
}

function hush(zone: string, names: number): readonly string[] {
  return Array.from({ length: names }, (_, n) => {
    server.table.set(`_keybase_pages.n${n}.${zone}`, { isSilent: true });
    return `n${n}.${zone}`;
  });
}

describe('names that nobody answers for', () => {
  test('leave room for other names, whoever asks for them', async () => {
    server.table.set('_keybase_pages.alice.test', { txt: [record] });
    const resolver = open({ dnsInFlightMax: 100 });
    const names = hush('mallory.test', 1_200);
    const asked = Promise.all(names.map((name) => codeOf(resolver, name, mallory)));
    expect(await codeOf(resolver, 'alice.test', alice)).toBe('found');
    expect(await codeOf(resolver, 'www.alice.test', mallory)).toBe('no-record');
    await giveUp(52);
    const codes = await asked;
    expect(codes.filter((code) => code === 'dns-timeout').length).toBe(50);
    expect(codes.filter((code) => code === 'overloaded').length).toBe(1_150);
  });

  test('in many zones leave room for the names of other clients', async () => {
    server.table.set('_keybase_pages.alice.test', { txt: [record] });
    const resolver = open({ dnsInFlightPerClientMax: 10 });
    const names = Array.from({ length: 30 }, (_, n) => hush(`z${n}.test`, 1)).flat();
    const asked = Promise.all(names.map((name) => codeOf(resolver, name, mallory)));
    expect(await codeOf(resolver, 'alice.test', mallory)).toBe('overloaded');
    expect(await codeOf(resolver, 'alice.test', alice)).toBe('found');
    await giveUp(11);
    expect((await asked).filter((code) => code === 'dns-timeout').length).toBe(10);
  });

  test('make their zone rest: it is asked one question at a time until it answers', async () => {
    const resolver = open();
    const names = hush('mallory.test', 40);
    const asked = Promise.all(names.slice(0, 10).map((name) => codeOf(resolver, name, mallory)));
    await giveUp(10);
    await asked;
    for (const name of names.slice(10, 20)) {
      expect(await codeOf(resolver, name, mallory)).toBe('dns-timeout');
    }
    expect(server.queries.length).toBe(10);
    clockMs += defaultLimits.dnsFailureTtlMs + 1;
    const later = Promise.all(names.slice(20, 30).map((name) => codeOf(resolver, name, mallory)));
    await giveUp(11);
    await later;
    expect(server.queries.length).toBe(11);
    clockMs += defaultLimits.dnsFailureTtlMs + 1;
    server.table.set('_keybase_pages.fine.mallory.test', { txt: [record] });
    expect(await codeOf(resolver, 'fine.mallory.test', mallory)).toBe('found');
    server.table.set('_keybase_pages.more.mallory.test', { txt: [record] });
    expect(await codeOf(resolver, 'more.mallory.test', mallory)).toBe('found');
  });

  test('do not keep a name from being looked up again that had a record', async () => {
    server.table.set('_keybase_pages.good.mallory.test', { txt: [record], ttlS: 0 });
    const resolver = open({ dnsTtlFloorMs: 0 });
    expect(await codeOf(resolver, 'good.mallory.test', alice)).toBe('found');
    const names = hush('mallory.test', 10);
    const asked = Promise.all(names.map((name) => codeOf(resolver, name, mallory)));
    await giveUp(11);
    await asked;
    clockMs += 1;
    expect(await codeOf(resolver, 'good.mallory.test', alice)).toBe('found');
  });
});

test('a client has so many names without a record a minute; good ones do not count', async () => {
  const resolver = open({ dnsUnknownNamesPerClientPerMinuteMax: 5, dnsTtlFloorMs: 0 });
  for (let n = 0; n < 20; n += 1) {
    server.table.set(`_keybase_pages.g${n}.test`, { txt: [record] });
    expect(await codeOf(resolver, `g${n}.test`, mallory)).toBe('found');
  }
  const codes: string[] = [];
  for (let n = 0; n < 7; n += 1) codes.push(await codeOf(resolver, `n${n}.none${n}.test`, mallory));
  expect(codes).toEqual([
    ...Array.from({ length: 5 }, () => 'no-record'),
    'overloaded',
    'overloaded',
  ]);
  expect(await codeOf(resolver, 'n7.none.test', '192.0.2.67')).toBe('no-record');
  clockMs += 12_000;
  expect(await codeOf(resolver, 'n8.none.test', mallory)).toBe('no-record');
});

test('clients are networks: 56 bits of IPv6', async () => {
  const resolver = open({ dnsUnknownNamesPerClientPerMinuteMax: 1 });
  expect(await codeOf(resolver, 'a.none.test', '2001:db8:0:aa01::1')).toBe('no-record');
  expect(await codeOf(resolver, 'b.none.test', '2001:db8:0:aaff::2')).toBe('overloaded');
  expect(await codeOf(resolver, 'c.none.test', '2001:db8:0:ab00::1')).toBe('no-record');
});

test('the guests of one owner leave room for those of another', async () => {
  const resolver = open({ dnsInFlightPerClientMax: 3 });
  const [of, other] = ['/keybase/public/mallory/a', '/keybase/public/alice'].map((key) =>
    ownerOf(key as FolderKey),
  );
  const names = Array.from({ length: 6 }, (_, n) => `a.silent${n}.test`);
  for (const name of names) server.table.set(name, { isSilent: true });
  const asked = Promise.allSettled(names.map((name) => resolver.addresses(name, 4, of)));
  server.table.set('api.alice.test', { a: ['192.0.2.1'] });
  expect(await resolver.addresses('api.alice.test', 4, other)).toEqual([
    Uint8Array.of(192, 0, 2, 1),
  ]);
  await giveUp(4);
  const codes = (await asked).map((end) => (end.status === 'rejected' ? end.reason.code : 'found'));
  expect(codes.filter((code) => code === 'overloaded').length).toBe(3);
});
