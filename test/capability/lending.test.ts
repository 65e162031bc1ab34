import { describe, expect, test } from 'vitest';
import type { FolderKey, ModulePath } from '../../src/names.ts';
import { bytes, text } from './kv/client-bench.ts';
import { useLending } from './lending-bench.ts';
import { LoopbackServer } from './loopback-server.ts';

const bench = useLending();
const alice = { folderKey: '/alice' as FolderKey, modulePath: 'a.wasm' as ModulePath };
const bob = { folderKey: '/bob' as FolderKey, modulePath: 'a.wasm' as ModulePath };

describe('the capabilities of a run', () => {
  test('are narrowed to its folder and module, and tagged with its request', async () => {
    const { thread, lines } = bench.open();
    const ofAlice = thread.forRun({ ...alice, requestId: 'r1' });
    const ofBob = thread.forRun({ ...bob, requestId: 'r2' });
    await ofAlice.keyValue.insert(bytes('k'), bytes('alice'));
    expect(await ofBob.keyValue.get(bytes('k'))).toBeUndefined();
    expect(text(await ofAlice.keyValue.get(bytes('k')))).toBe('alice');
    ofBob.log.write('info', 'hello');
    expect(lines).toEqual([['hello', { ...bob, requestId: 'r2' }]]);
    expect(ofAlice.clock.nowNs() % 1_000_000n).toBe(0n);
    const target = new Uint8Array(32);
    ofAlice.fillRandom(target);
    expect(target.some((byte) => byte !== 0)).toBe(true);
  });

  test('are made once, so that their counts hold for the whole run and no longer', async () => {
    const { thread } = bench.open({ TERRAFIRMA_LIMITS_DNS_QUERIES_PER_RUN_MAX: '1' });
    const first = thread.forRun({ ...alice, requestId: 'r1' });
    await first.resolve.addresses('a.example', 4);
    await expect(first.resolve.addresses('a.example', 4)).rejects.toThrow('may ask 1 times');
    const second = thread.forRun({ ...alice, requestId: 'r2' });
    expect(await second.resolve.addresses('a.example', 4)).toHaveLength(1);
    expect(first.fetch).toBe(first.fetch);
    expect(first.keyValue).toBe(first.keyValue);
    expect(first.log).toBe(first.log);
  });

  test('hand the hops of the request on to outbound HTTP', async () => {
    const { thread } = bench.open({ TERRAFIRMA_OUTBOUND_ALLOWED_CIDRS: '127.0.0.1/32' });
    const server = new LoopbackServer((_request, response) => response.end());
    await server.listen();
    const run = thread.forRun({ ...alice, requestId: 'r1', loopHops: 1 });
    const url = `http://127.0.0.1:${server.port}/`;
    const request = { method: 'GET', url, headers: [], body: new Uint8Array() };
    await run.fetch.send(request, new AbortController().signal);
    expect(server.seen[0]?.headers['cdn-loop']).toBe('terrafirma, terrafirma');
    await server.close();
  });
});

describe('the two sides of a capability', () => {
  test('ask and answer under their own name', async () => {
    const { thread, asked } = bench.open();
    const run = thread.forRun({ ...alice, requestId: 'r1' });
    expect(await run.resolve.exchange(bytes('a DNS message'))).toEqual(bytes('a DNS message'));
    const sent = run.fetch.send(
      { method: 'GET', url: 'http://a.example/', headers: [], body: new Uint8Array() },
      new AbortController().signal,
    );
    await expect(sent).rejects.toThrow('guests reach public addresses only');
    expect(asked).toEqual(['resolve', 'fetch', 'fetch']);
  });

  test('hear news, those that were told before they began included', async () => {
    const { thread, control } = bench.open({}, { control: { resolver: publicResolver() } });
    control.side('fetch').learnServedAddresses([publicAddress]);
    const run = thread.forRun({ ...alice, requestId: 'r1' });
    const sent = run.fetch.send(
      { method: 'GET', url: 'http://a.example/', headers: [], body: new Uint8Array() },
      new AbortController().signal,
    );
    await expect(sent).rejects.toThrow('this machine itself');
    expect(control.connectThread().starts.fetch).toMatchObject({
      servedAddresses: [publicAddress],
    });
  });

  test('that has no answers refuses questions', async () => {
    const { control } = bench.open();
    const asked = control.answer({ capability: 'clock', question: 'how late is it?' });
    await expect(asked).rejects.toMatchObject({ code: 'internal' });
  });
});

const publicAddress = Uint8Array.of(9, 9, 9, 9);

function publicResolver() {
  return {
    addresses: (_name: string, family: 4 | 6) =>
      Promise.resolve(family === 4 ? [publicAddress] : []),
    exchange: (query: Uint8Array) => Promise.resolve(query),
  };
}
