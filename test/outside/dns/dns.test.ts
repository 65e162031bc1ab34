import { Packet } from 'dns2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DnsConfig, defaultDns, defaultLimits } from '../../../src/config/config.ts';
import {
  type FolderKey,
  type HostName,
  ownerOf,
  parseHostName,
  quoteReceived,
} from '../../../src/names.ts';
import { Resolver, type ResolverLimits } from '../../../src/outside/dns/dns.ts';
import {
  type DnsEntry,
  type DnsServer,
  queryFor,
  startDnsServer,
} from '../../support/dns-server.ts';

const first = '_keybase_pages.example.com';
const second = '_keybasepages.example.com';
const hostName = parseHostName('example.com');
const record = 'kbp=/keybase/private/alice,bot/';
const key = '/keybase/private/alice,bot';

let server: DnsServer;
let clockMs: number;
beforeEach(async () => {
  server = await startDnsServer();
  clockMs = 1_000_000;
});
afterEach(() => server.close());

function resolverWith(
  limits: Partial<ResolverLimits> = {},
  dns: Partial<DnsConfig> = {},
): Resolver {
  return new Resolver({
    dns: { ...defaultDns, servers: [server], ...dns },
    limits: { ...defaultLimits, dnsTimeoutMs: 5_000, ...limits },
    nowMs: () => clockMs,
  });
}

/** The key, or the code, and for how long it holds. */
async function recordOf(
  resolver: Resolver,
  name: HostName = hostName,
): Promise<readonly [string, number]> {
  const lookup = await resolver.record(name);
  const heldMs = lookup.expiresAtMs - clockMs;
  return lookup.kind === 'found' ? [lookup.value.key, heldMs] : [lookup.error.code, heldMs];
}

function setTable(entries: Record<string, DnsEntry>): void {
  server.table.clear();
  for (const [name, entry] of Object.entries(entries)) server.table.set(name, entry);
}

describe('a record', () => {
  test('is read from the first name', async () => {
    setTable({ [first]: { txt: ['v=spf1', record], ttlS: 60 }, [second]: { txt: ['kbp=/x'] } });
    expect(await recordOf(resolverWith())).toEqual([key, 60_000]);
    expect(server.queries).toEqual([`TXT ${first}`]);
  });

  test('may be cut into strings', async () => {
    setTable({ [first]: { txt: [['kbp=/keybase/pri', '', 'vate/alice,bot/']] } });
    expect((await recordOf(resolverWith()))[0]).toBe(key);
  });

  test('is read from the second name when the first has none', async () => {
    setTable({ [second]: { txt: [record] } });
    expect((await recordOf(resolverWith()))[0]).toBe(key);
    setTable({ [first]: { a: ['192.0.2.1'] }, [second]: { txt: [record] } });
    expect((await recordOf(resolverWith()))[0]).toBe(key);
  });

  test('is read from the second name when the first cannot be looked up', async () => {
    for (const entry of [{ rcode: 'servfail' }, { isSilent: true }] as const) {
      setTable({ [first]: entry, [second]: { txt: [record] } });
      const resolver = resolverWith({ dnsTimeoutMs: 50, dnsAttemptsMax: 1 });
      expect((await recordOf(resolver))[0]).toBe(key);
    }
  });

  test('is not looked for under the second name when the first has other TXT records', async () => {
    setTable({ [first]: { txt: ['v=spf1'] }, [second]: { txt: [record] } });
    expect((await recordOf(resolverWith()))[0]).toBe('no-record');
    expect(server.queries).toEqual([`TXT ${first}`]);
  });

  test('that is missing is named', async () => {
    const lookup = await resolverWith().record(hostName);
    expect(lookup).toMatchObject({
      kind: 'failure',
      error: {
        code: 'no-record',
        message: expect.stringContaining(`set ${first} TXT "kbp=/keybase/private/you,bot/"`),
      },
    });
    expect(server.queries).toEqual([`TXT ${first}`, `TXT ${second}`]);
  });

  test('is refused when malformed or there twice', async () => {
    setTable({ [first]: { txt: ['kbp=nonsense'] } });
    expect((await recordOf(resolverWith()))[0]).toBe('bad-record');
    setTable({ [first]: { txt: [record, record] } });
    expect((await recordOf(resolverWith()))[0]).toBe('bad-record');
  });

  test('is not missing while servers fail for one of its names', async () => {
    setTable({ [first]: { rcode: 'servfail' } });
    expect((await recordOf(resolverWith()))[0]).toBe('dns-failed');
    setTable({ [first]: { rcode: 'refused' }, [second]: { txt: ['kbp=nonsense'] } });
    expect((await recordOf(resolverWith()))[0]).toBe('dns-failed');
  });

  test('uses the names and the key of the configuration', async () => {
    setTable({ 'www.example.com': { txt: [record, 'tf=/keybase/public/eve'] } });
    const resolver = resolverWith({}, { recordNames: ['www'], recordKey: 'tf' });
    expect((await recordOf(resolver))[0]).toBe('/keybase/public/eve');
  });

  test('of a name too long to have one is missing without being asked for', async () => {
    const name = parseHostName(`${'a'.repeat(60)}.`.repeat(4));
    expect((await recordOf(resolverWith(), name))[0]).toBe('no-record');
    expect(server.queries).toEqual([]);
  });

  test('follows CNAMEs inside the answer', async () => {
    setTable({
      [first]: { cname: 'One.example', ttlS: 30 },
      'one.example': { cname: 'two.example', ttlS: 20 },
      'two.example': { txt: [record], ttlS: 40 },
    });
    expect(await recordOf(resolverWith())).toEqual([key, 20_000]);
  });

  test('is found behind a CNAME of which the server says nothing more', async () => {
    setTable({
      [first]: { cname: 'a.pages.test', isAliasOnly: true, ttlS: 120 },
      'a.pages.test': { cname: 'b.pages.test', isAliasOnly: true, ttlS: 30 },
      'b.pages.test': { txt: [record], ttlS: 60 },
    });
    expect(await recordOf(resolverWith())).toEqual([key, 30_000]);
    const asked = [first, 'a.pages.test', 'b.pages.test'].map((name) => `TXT ${name}`);
    expect(server.queries).toEqual(asked);
  });

  test('behind CNAMEs that lead on and on is a failure', async () => {
    setTable({ [first]: { cname: 'a.pages.test', isAliasOnly: true } });
    server.table.set('a.pages.test', { cname: 'b.pages.test', isAliasOnly: true });
    server.table.set('b.pages.test', { cname: 'a.pages.test', isAliasOnly: true });
    expect((await recordOf(resolverWith()))[0]).toBe('dns-failed');
    expect(server.queries.length).toBeLessThan(10);
  });

  test.each([
    '"kbp=/keybase/private/alice,bot/"',
    '\u201ckbp=/keybase/private/alice,bot/\u201d',
    'KBP=/keybase/private/alice,bot/',
    'kbp = /keybase/private/alice,bot/',
    '\u200bkbp=/keybase/private/alice,bot/',
  ])('that is nearly one is refused with what was received: %j', async (text) => {
    setTable({ [first]: { txt: [text] } });
    const lookup = await resolverWith().record(hostName);
    expect(lookup).toMatchObject({
      kind: 'failure',
      error: { code: 'bad-record', message: expect.stringContaining(quoteReceived(text.trim())) },
    });
  });

  test('is not taken from a name that was not asked for', async () => {
    const stray = new Packet.Resource({
      name: 'stray.example',
      type: Packet.TYPE.TXT,
      class: 1,
      ttl: 60,
      data: [record],
    });
    const reply = new Packet();
    reply.header = new Packet.Header({ qr: 1 });
    reply.questions.push(new Packet.Question(first, Packet.TYPE.TXT, 1));
    reply.answers.push(stray);
    setTable({ [first]: { garbage: reply.toBuffer() } });
    expect((await recordOf(resolverWith()))[0]).toBe('no-record');
  });

  test('behind a circle of CNAMEs is a failure', async () => {
    setTable({ [first]: { cname: 'a.example' }, 'a.example': { cname: first } });
    expect((await recordOf(resolverWith({ dnsAttemptsMax: 1 })))[0]).toBe('dns-failed');
  });
});

describe('the cache', () => {
  test('holds a record for its time to live', async () => {
    setTable({ [first]: { txt: [record], ttlS: 60 } });
    const resolver = resolverWith();
    await recordOf(resolver);
    clockMs += 59_999;
    expect(await recordOf(resolver)).toEqual([key, 1]);
    expect(server.queries.length).toBe(1);
    clockMs += 1;
    await recordOf(resolver);
    expect(server.queries.length).toBe(2);
  });

  test('holds nothing for less than the floor or more than the ceiling', async () => {
    const bounds = { dnsTtlFloorMs: 7_000, dnsTtlCeilingMs: 9_000 };
    setTable({ [first]: { txt: [record], ttlS: 0 } });
    expect((await recordOf(resolverWith(bounds)))[1]).toBe(7_000);
    setTable({ [first]: { txt: [record], ttlS: 86_400 } });
    expect((await recordOf(resolverWith(bounds)))[1]).toBe(9_000);
  });

  test('holds a missing record as long as the SOA says, within a minute', async () => {
    setTable({ [first]: { soaMinimumS: 15 }, [second]: { rcode: 'nxdomain', soaMinimumS: 12 } });
    expect(await recordOf(resolverWith())).toEqual(['no-record', 12_000]);
    setTable({ [first]: { soaMinimumS: 86_400 }, [second]: { soaMinimumS: 86_400 } });
    expect(await recordOf(resolverWith())).toEqual(['no-record', 60_000]);
  });

  test('holds a missing record without SOA, and failures, for the failures’ time', async () => {
    expect(await recordOf(resolverWith())).toEqual(['no-record', 5_000]);
    setTable({ [first]: { rcode: 'servfail' }, [second]: { rcode: 'servfail' } });
    const resolver = resolverWith({ dnsFailureTtlMs: 3_000 });
    expect(await recordOf(resolver)).toEqual(['dns-failed', 3_000]);
    const asked = server.queries.length;
    clockMs += 2_999;
    expect(await recordOf(resolver)).toEqual(['dns-failed', 1]);
    expect(server.queries.length).toBe(asked);
    setTable({ [first]: { txt: [record] } });
    clockMs += 1;
    expect((await recordOf(resolver))[0]).toBe(key);
  });

  test('holds a malformed record no longer than a minute', async () => {
    setTable({ [first]: { txt: ['kbp=nonsense'], ttlS: 3_600 } });
    expect(await recordOf(resolverWith())).toEqual(['bad-record', 60_000]);
  });

  test('forgets the least recently used beyond its size', async () => {
    for (const name of ['a', 'b', 'c']) {
      server.table.set(`_keybase_pages.${name}.example`, { txt: [record] });
    }
    const resolver = resolverWith({ dnsCacheEntriesMax: 2 });
    for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) {
      await recordOf(resolver, parseHostName(`${name}.example`));
    }
    const asked = ['a', 'b', 'c'].map((name) => server.count(`TXT _keybase_pages.${name}.example`));
    expect(asked).toEqual([1, 2, 1]);
  });

  test('joins equal lookups', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    setTable({ [first]: { txt: [record], heldBy: promise } });
    const resolver = resolverWith();
    const lookups = Array.from({ length: 20 }, () => recordOf(resolver));
    await expect.poll(() => server.queries.length).toBe(1);
    resolve();
    expect(new Set((await Promise.all(lookups)).map(([found]) => found))).toEqual(new Set([key]));
    expect(server.queries.length).toBe(1);
  });

  test('has room for so many lookups at a time, and for guests half of it', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const name of ['a.example', 'b.example']) {
      server.table.set(name, { a: ['192.0.2.1'], heldBy: promise });
      server.table.set(`_keybase_pages.${name}`, { txt: [record], heldBy: promise });
    }
    const resolver = resolverWith({ dnsInFlightMax: 2 });
    const owner = ownerOf('/shared/alice' as FolderKey);
    const guest = resolver.addresses('a.example', 4, owner);
    await expect(resolver.addresses('b.example', 4, owner)).rejects.toMatchObject({
      code: 'overloaded',
    });
    await expect(resolver.exchange(queryFor('b.example'), owner)).rejects.toMatchObject({
      code: 'overloaded',
    });
    const visitor = recordOf(resolver, parseHostName('a.example'));
    expect(await recordOf(resolver, parseHostName('b.example'))).toEqual(['overloaded', 0]);
    resolve();
    await guest;
    expect((await visitor)[0]).toBe(key);
    expect((await recordOf(resolver, parseHostName('b.example')))[0]).toBe(key);
  });
});

test('what the servers answered is told with a failure', async () => {
  const codes = { nxdomain: 3, servfail: 2, noerror: 0 } as const;
  for (const rcode of ['nxdomain', 'servfail', 'noerror'] as const) {
    server.table.set(`${rcode}.example`, { rcode });
    const failure = { code: 'dns-failed', dnsRcode: codes[rcode] };
    const looking = resolverWith({ dnsAttemptsMax: 1 }).addresses(`${rcode}.example`, 4);
    await expect(looking).rejects.toMatchObject(failure);
  }
});

describe('servers', () => {
  test('that fail are followed by the next', async () => {
    await using other = await startDnsServer({ [first]: { rcode: 'refused' } });
    setTable({ [first]: { txt: [record] } });
    const resolver = resolverWith({}, { servers: [other, server] });
    expect((await recordOf(resolver))[0]).toBe(key);
  });

  test('that nobody runs are followed by the next', async () => {
    const gone = await startDnsServer();
    await gone.close();
    setTable({ [first]: { txt: [record] } });
    const resolver = resolverWith({}, { servers: [gone, server] });
    expect((await recordOf(resolver))[0]).toBe(key);
  });

  test('are asked again, then the lookup has timed out', async () => {
    setTable({ [first]: { isSilent: true }, [second]: { isSilent: true } });
    const resolver = resolverWith({ dnsTimeoutMs: 20, dnsAttemptsMax: 3 });
    expect((await recordOf(resolver))[0]).toBe('dns-timeout');
    expect(server.count(`TXT ${first}`)).toBe(3);
  });

  test('may have IPv6 addresses', async (context) => {
    const local = await startDnsServer({ [first]: { txt: [record] } }, '::1').catch(
      () => undefined,
    );
    if (local === undefined) return context.skip('this machine has no ::1');
    await using six = local;
    const resolver = resolverWith({}, { servers: [six] });
    expect((await recordOf(resolver))[0]).toBe(key);
    return undefined;
  });

  test('must be addresses', () => {
    const servers = [{ host: 'dns.example', port: 53 }];
    expect(() => resolverWith({}, { servers })).toThrow('must be an IP address');
  });

  test('of the system are read again after half a minute', async () => {
    await using other = await startDnsServer();
    let system = server;
    const resolver = new Resolver({
      dns: defaultDns,
      limits: defaultLimits,
      nowMs: () => clockMs,
      readServers: async () => [system],
    });
    await recordOf(resolver, parseHostName('a.example'));
    system = other;
    clockMs += 29_999;
    await recordOf(resolver, parseHostName('b.example'));
    expect(other.queries).toEqual([]);
    clockMs += 1;
    await recordOf(resolver, parseHostName('c.example'));
    expect(other.queries.length).toBe(2);
    expect(server.queries.length).toBe(4);
  });
});

describe('over TCP', () => {
  test('goes what UDP cuts', async () => {
    setTable({ [first]: { txt: [record], isTruncated: true } });
    expect((await recordOf(resolverWith()))[0]).toBe(key);
    expect(server.queries).toEqual([`TXT ${first}`, `tcp:TXT ${first}`]);
  });

  test('a lost connection is a failure', async () => {
    setTable({ [first]: { txt: [record], isTruncated: true, dropsTcp: true } });
    expect((await recordOf(resolverWith({ dnsAttemptsMax: 1 })))[0]).toBe('dns-failed');
  });

  test('a record’s answer is bounded', async () => {
    const long = (bytes: number): string[] =>
      Array.from({ length: Math.ceil(bytes / 250) }, () => 'x'.repeat(237));
    setTable({ [first]: { txt: [record, ...long(15_000)] } });
    expect((await recordOf(resolverWith()))[0]).toBe(key);
    setTable({ [first]: { txt: [record, ...long(18_000)] } });
    expect((await recordOf(resolverWith({ dnsAttemptsMax: 1 })))[0]).toBe('dns-failed');
  });
});

describe('a hostile answer', () => {
  test('with a wrong id is waited out, and the right one believed', async () => {
    setTable({ [first]: { txt: [record], wrongId: 'first' } });
    expect((await recordOf(resolverWith()))[0]).toBe(key);
  });

  test.each<[string, DnsEntry]>([
    ['only a wrong id', { txt: [record], wrongId: 'only' }],
    ['a wrong question', { txt: [record], wrongQuestion: true }],
    ['too few bytes', { garbage: new Uint8Array(5) }],
    ['a query', { garbage: Buffer.from('000001000001000000000000', 'hex') }],
  ])('with %s is a failure', async (_what, entry) => {
    setTable({ [first]: entry });
    const resolver = resolverWith({ dnsTimeoutMs: 50, dnsAttemptsMax: 1 });
    expect((await recordOf(resolver))[0]).toBe('dns-failed');
  });
});
