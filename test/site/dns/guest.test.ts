import { Packet } from 'dns2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultDns, defaultLimits } from '../../../src/config/config.ts';
import { Resolver } from '../../../src/outside/dns/dns.ts';
import {
  type DnsEntry,
  type DnsServer,
  queryFor,
  startDnsServer,
} from '../../support/dns-server.ts';

let server: DnsServer;
let resolver: Resolver;
beforeEach(async () => {
  server = await startDnsServer();
  resolver = new Resolver({
    dns: { ...defaultDns, servers: [server] },
    limits: { ...defaultLimits, dnsTimeoutMs: 5_000 },
    nowMs: () => 0,
  });
});
afterEach(() => server.close());

function setTable(entries: Record<string, DnsEntry>): void {
  server.table.clear();
  for (const [name, entry] of Object.entries(entries)) server.table.set(name, entry);
}

describe('addresses', () => {
  test('are bytes, of one family', async () => {
    setTable({ 'a.example': { a: ['192.0.2.1', '192.0.2.2'], aaaa: ['2001:db8::1'] } });
    expect(await resolver.addresses('A.Example.', 4)).toEqual([
      Uint8Array.of(192, 0, 2, 1),
      Uint8Array.of(192, 0, 2, 2),
    ]);
    const six = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    expect(await resolver.addresses('a.example', 6)).toEqual([six]);
    await resolver.addresses('a.example', 4);
    expect(server.queries).toEqual(['A a.example', 'AAAA a.example']);
  });

  test('are at most 64', async () => {
    const a = Array.from({ length: 70 }, (_, index) => `192.0.2.${index}`);
    setTable({ 'a.example': { a } });
    expect((await resolver.addresses('a.example', 4)).length).toBe(64);
  });

  test('that do not exist are a failure that is remembered', async () => {
    for (let index = 0; index < 3; index += 1) {
      await expect(resolver.addresses('none.example', 4)).rejects.toThrow(
        'it has no IPv4 address: received "none.example"',
      );
    }
    expect(server.queries.length).toBe(1);
  });

  test.each(['', '.', 'a..b', 'a b', 'a\0b', `${'a'.repeat(64)}.example`, 'ä.example', '-a.b'])(
    'of %j are not asked for',
    async (name) => {
      await expect(resolver.addresses(name, 4)).rejects.toMatchObject({ code: 'dns-failed' });
      expect(server.queries).toEqual([]);
    },
  );
});

describe('a guest’s own message', () => {
  test('is answered under its own id, whatever the code', async () => {
    setTable({ 'a.example': { a: ['192.0.2.1'] } });
    const reply = Packet.parse(Buffer.from(await resolver.exchange(queryFor('a.example'))));
    expect(reply.header.id).toBe(0xabcd);
    expect(reply.answers[0]?.address).toBe('192.0.2.1');
    const none = Packet.parse(Buffer.from(await resolver.exchange(queryFor('none.example'))));
    expect(none.header).toMatchObject({ id: 0xabcd, rcode: 3 });
    setTable({ 'bad.example': { rcode: 'servfail' } });
    const failed = Packet.parse(Buffer.from(await resolver.exchange(queryFor('bad.example'))));
    expect(failed.header).toMatchObject({ id: 0xabcd, rcode: 2 });
  });

  test('leaves the guest’s bytes alone', async () => {
    setTable({ 'a.example': { a: ['192.0.2.1'] } });
    const query = queryFor('a.example');
    const before = Buffer.from(query).toString('hex');
    await resolver.exchange(query);
    expect(Buffer.from(query).toString('hex')).toBe(before);
  });

  test('that is not a plain query is refused', async () => {
    await expect(resolver.exchange(queryFor('a.example', 252))).rejects.toMatchObject({
      code: 'dns-failed',
      message: expect.stringContaining('zone transfers'),
    });
    expect(server.queries).toEqual([]);
  });
});
