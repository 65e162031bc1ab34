import { describe, expect, test } from 'vitest';
import { CapabilitySource } from '../../src/capability/catalogue.ts';
import { systemTimer } from '../../src/capability/clock.ts';
import { OutboundHttp } from '../../src/capability/fetch/fetch.ts';
import { Visits } from '../../src/capability/fetch/visits.ts';
import { SiteFileSource } from '../../src/capability/files/files.ts';
import type { GuestLogTag } from '../../src/capability/log/guest-log.ts';
import { RandomPool } from '../../src/capability/random.ts';
import { defaultLimits } from '../../src/config/config.ts';
import type { FolderKey, ModulePath } from '../../src/names.ts';
import { MountGuards } from '../../src/outside/mount/mount-guards.ts';
import { bytes, text, useKeyValue } from './kv/client-bench.ts';
import { LoopbackServer } from './loopback-server.ts';

const bench = useKeyValue();
const alice = { folderKey: '/alice' as FolderKey, modulePath: 'a.wasm' as ModulePath };
const bob = { folderKey: '/bob' as FolderKey, modulePath: 'a.wasm' as ModulePath };

interface Opened {
  readonly source: CapabilitySource;
  readonly outbound: OutboundHttp;
  readonly lines: [string, GuestLogTag][];
}

function open(): Opened {
  const lines: [string, GuestLogTag][] = [];
  const outbound = new OutboundHttp({
    visits: new Visits({ key: new Uint8Array(32), runsPerVisitMax: 9 }),
    limits: defaultLimits,
    isClosed: () => false,
    allowedCidrs: ['127.0.0.1/32'],
    lookupOf: () => () => Promise.resolve([]),
  });
  const source = new CapabilitySource({
    outbound,
    keyValue: bench.openClient(bench.openWriter()),
    resolverOf: () => ({
      addresses: () => Promise.resolve([Uint8Array.of(192, 0, 2, 1)]),
      exchange: (query) => Promise.resolve(query),
    }),
    random: new RandomPool(),
    clock: { nowNs: () => 5n },
    timer: systemTimer,
    files: new SiteFileSource(new MountGuards(defaultLimits)),
    onGuestLine: (_level, message, tag) => lines.push([message, tag]),
    limits: { ...defaultLimits, dnsQueriesPerRunMax: 1 },
  });
  return { source, outbound, lines };
}

describe('the capabilities of a run', () => {
  test('are narrowed to its folder and module, and tagged with its request', async () => {
    const { source, lines } = open();
    const ofAlice = source.forRun({ ...alice, requestId: 'r1' });
    const ofBob = source.forRun({ ...bob, requestId: 'r2' });
    await ofAlice.keyValue.insert(bytes('k'), bytes('alice'));
    expect(await ofBob.keyValue.get(bytes('k'))).toBeUndefined();
    expect(text(await ofAlice.keyValue.get(bytes('k')))).toBe('alice');
    ofBob.log.write('info', 'hello');
    expect(lines).toEqual([['hello', { ...bob, requestId: 'r2' }]]);
    expect(ofAlice.clock.nowNs()).toBe(5n);
    const target = new Uint8Array(32);
    ofAlice.fillRandom(target);
    expect(target.some((byte) => byte !== 0)).toBe(true);
  });

  test('are made once, so that their counts hold for the whole run and no longer', async () => {
    const { source } = open();
    const first = source.forRun({ ...alice, requestId: 'r1' });
    await first.resolve.addresses('a.example', 4);
    await expect(first.resolve.addresses('a.example', 4)).rejects.toThrow('may ask 1 times');
    const second = source.forRun({ ...alice, requestId: 'r2' });
    expect(await second.resolve.addresses('a.example', 4)).toHaveLength(1);
    expect(first.fetch).toBe(first.fetch);
    expect(first.keyValue).toBe(first.keyValue);
    expect(first.log).toBe(first.log);
  });

  test('hand the hops of the request on to outbound HTTP', async () => {
    const { source, outbound } = open();
    const server = new LoopbackServer((_request, response) => response.end());
    await server.listen();
    const run = source.forRun({ ...alice, requestId: 'r1', loopHops: 1 });
    const url = `http://127.0.0.1:${server.port}/`;
    const request = { method: 'GET', url, headers: [], body: new Uint8Array() };
    await run.fetch.send(request, new AbortController().signal);
    expect(server.seen[0]?.headers['cdn-loop']).toBe('terrafirma, terrafirma');
    await outbound.close();
    await server.close();
  });
});
