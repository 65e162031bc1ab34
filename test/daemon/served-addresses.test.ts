import { afterEach, beforeEach, expect, test } from 'vitest';
import { formatAddress } from '../../src/capability/networks.ts';
import { defaultDns, defaultLimits } from '../../src/config/config.ts';
import { ServedAddresses } from '../../src/daemon/served-addresses.ts';
import { type FolderKey, ownerOf, parseHostName } from '../../src/names.ts';
import { Resolver } from '../../src/outside/dns/dns.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';

let dns: DnsServer;
let nowMs: number;
let told: string[][];
let served: ServedAddresses;

beforeEach(async () => {
  dns = await startDnsServer();
  nowMs = 0;
  told = [];
  served = open();
});

function open(more: { readonly ownersMax?: number } = {}): ServedAddresses {
  const options = { dns: { ...defaultDns, servers: [dns] }, limits: defaultLimits };
  return new ServedAddresses({
    ...more,
    resolver: new Resolver({ ...options, nowMs: () => nowMs }),
    nowMs: () => nowMs,
    onChange: (addresses) => told.push(addresses.map(formatAddress)),
  });
}
afterEach(() => dns.close());

function visit(name: string, owner: string): Promise<void> {
  served.note(parseHostName(name), ownerOf(`/keybase/public/${owner}` as FolderKey));
  return served.settled();
}

test('an address counts where the names of more than half of the owners lead', async () => {
  dns.table.set('a.test', { a: ['93.184.1.1'], aaaa: ['2606:4700::1'] });
  dns.table.set('b.test', { a: ['93.184.1.1'] });
  dns.table.set('m.test', { a: ['93.184.1.1', '93.184.9.9'] });
  await visit('a.test', 'alice');
  await visit('b.test', 'bob');
  expect(told.at(-1)).toEqual(['93.184.1.1']);
  await visit('m.test', 'mallory');
  expect(told.at(-1)).toEqual(['93.184.1.1']);
});

test('many names of one owner are one voice', async () => {
  dns.table.set('a.test', { a: ['93.184.1.1'] });
  await visit('a.test', 'alice');
  for (let n = 0; n < 10; n += 1) {
    dns.table.set(`n${n}.m.test`, { a: ['93.184.9.9'] });
    await visit(`n${n}.m.test`, 'mallory');
  }
  expect(told.at(-1)).toEqual([]);
  expect(dns.queries.filter((query) => query.startsWith('A n')).length).toBe(4);
});

test('names are looked up again after a while, and not before', async () => {
  dns.table.set('a.test', { a: ['93.184.1.1'], ttlS: 1 });
  await visit('a.test', 'alice');
  dns.table.set('a.test', { a: ['93.184.2.2'] });
  nowMs += 500_000;
  await visit('a.test', 'alice');
  expect(told).toEqual([['93.184.1.1']]);
  nowMs += 200_000;
  await visit('a.test', 'alice');
  expect(told.at(-1)).toEqual(['93.184.2.2']);
});

test('an address counts no more when the names of half of the owners lead elsewhere', async () => {
  for (const name of ['a', 'b', 'c', 'd']) {
    dns.table.set(`${name}.test`, { a: [name < 'c' ? '93.184.1.1' : '93.184.2.2'] });
  }
  await visit('a.test', 'alice');
  await visit('b.test', 'bob');
  await visit('c.test', 'carol');
  expect(told.at(-1)).toEqual(['93.184.1.1']);
  await visit('d.test', 'dave');
  expect(told.at(-1)).toEqual([]);
  dns.table.set('a.test', { a: ['93.184.2.2'] });
  nowMs += 4_000_000;
  await visit('a.test', 'alice');
  expect(told.at(-1)).toEqual(['93.184.2.2']);
});

test('owners who have not been visited for the longest time are forgotten', async () => {
  served = open({ ownersMax: 3 });
  for (let n = 0; n < 6; n += 1) {
    dns.table.set(`n${n}.test`, { a: [n < 3 ? '93.184.1.1' : '93.184.2.2'] });
    await visit(`n${n}.test`, `owner${n}`);
  }
  expect(told).toEqual([['93.184.1.1'], ['93.184.2.2']]);
});
