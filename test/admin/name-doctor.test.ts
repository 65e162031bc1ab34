import { expect, test } from 'vitest';
import { NameDoctor } from '../../src/admin/name-doctor.ts';
import { defaultDns, defaultLimits } from '../../src/config/config.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { parseHostName } from '../../src/names.ts';
import { Resolver } from '../../src/outside/dns/dns.ts';
import { startDnsServer } from '../support/dns-server.ts';

test('those who ask for a name at once share one look, and what is wrong is told', async () => {
  await using dns = await startDnsServer({ 'a.example': { a: ['192.0.2.1'] } });
  const { config } = resolveConfig({
    flags: [],
    machine: {
      ...{ environment: {}, homeDirectory: '/home/you', workingDirectory: '/' },
      ...{ parallelism: 1, memoryBytes: 8 * 1024 ** 3 },
    },
    file: undefined,
  });
  const resolver = new Resolver({
    dns: { ...defaultDns, servers: [dns] },
    limits: defaultLimits,
    nowMs: () => performance.now(),
  });
  const doctor = new NameDoctor({
    configInForce: () => config,
    resolver,
    publisher: { folders: () => [] },
  });
  const name = parseHostName('a.example');
  const [one, two] = await Promise.all([doctor.look(name), doctor.look(name)]);
  expect(two).toBe(one);
  expect(dns.count('A a.example')).toBe(1);
  expect(await doctor.look(name)).toBe(one);
  const marks = new Map(one.map(({ id, mark }) => [id, mark]));
  expect([marks.get('a'), marks.get('meaning'), marks.get('rules')]).toEqual([
    expect.stringMatching(/^(ok|note|bad)$/),
    'bad',
    'ok',
  ]);
});
