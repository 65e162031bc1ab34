import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseResolvConf, readSystemServers } from '../../../src/outside/dns/servers.ts';

function hostsOf(text: string): readonly string[] {
  return parseResolvConf(text).map(({ host }) => host);
}

test('name servers are those of the nameserver lines, port 53', () => {
  expect(parseResolvConf('nameserver 192.0.2.1\n')).toEqual([{ host: '192.0.2.1', port: 53 }]);
});

test('comments, other lines and bad addresses are passed over', () => {
  const text = [
    '# nameserver 192.0.2.9',
    ';nameserver 192.0.2.9',
    'search example.com',
    'options edns0 trust-ad',
    'nameservers 192.0.2.9',
    'nameserver',
    'nameserver dns.example',
    'nameserver 256.0.0.1',
    '\tnameserver\t192.0.2.1 # the router\r',
    'nameserver 2001:db8::1;x',
    'nameserver fe80::1%eth0',
  ].join('\n');
  expect(hostsOf(text)).toEqual(['192.0.2.1', '2001:db8::1', 'fe80::1%eth0']);
});

test('no more than three are asked', () => {
  const lines = [1, 2, 3, 4].map((number) => `nameserver 192.0.2.${number}`);
  expect(hostsOf(lines.join('\n'))).toEqual(['192.0.2.1', '192.0.2.2', '192.0.2.3']);
});

test('without any, the local one is asked', () => {
  expect(hostsOf('')).toEqual(['127.0.0.1']);
});

test('the file is read, may be missing, and must be readable', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'resolv-'));
  const path = join(directory, 'resolv.conf');
  expect(await readSystemServers(path)).toEqual([{ host: '127.0.0.1', port: 53 }]);
  await writeFile(path, 'nameserver 192.0.2.1\n');
  expect(await readSystemServers(path)).toEqual([{ host: '192.0.2.1', port: 53 }]);
  await expect(readSystemServers(directory)).rejects.toMatchObject({ code: 'dns-failed' });
  await rm(directory, { recursive: true });
});
