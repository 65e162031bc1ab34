import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../../src/config/config.ts';
import type { Header } from '../../src/http/message.ts';
import type { FolderKey } from '../../src/names.ts';
import { folderKey, refusal, text, useOutbound } from './outbound-bench.ts';

const bench = useOutbound();

describe('limits', () => {
  test('outboundRequestsPerRunMax counts redirects too, and each run begins at zero', async () => {
    const outbound = bench.open({ limits: { ...defaultLimits, outboundRequestsPerRunMax: 2 } });
    const run = outbound.forRun({ folderKey, loopHops: 0 });
    await bench.send(run, '/?to=/end');
    await expect(bench.send(run, '/')).rejects.toMatchObject(refusal('limit', /2 requests/));
    await bench.send(outbound.forRun({ folderKey, loopHops: 0 }), '/');
  });

  test('outboundRequestBytesMax', async () => {
    const run = bench.withLimit({ outboundRequestBytesMax: 4 });
    expect((await bench.send(run, '/', { method: 'POST', body: 'four' })).status).toBe(200);
    const sent = bench.send(run, '/', { method: 'POST', body: 'fives' });
    await expect(sent).rejects.toMatchObject(refusal('limit', /received 5$/));
  });

  test('outboundReplyBytesMax', async () => {
    const run = bench.withLimit({ outboundReplyBytesMax: 1_000 });
    expect((await bench.send(run, '/?bytes=1000')).body.byteLength).toBe(1_000);
    await expect(bench.send(run, '/?bytes=1001')).rejects.toMatchObject(
      refusal('limit', /1000 bytes/),
    );
  });

  test('all replies of a run together weigh at most four of full size', async () => {
    const run = bench.withLimit({ outboundReplyBytesMax: 100 });
    for (let count = 0; count < 4; count += 1) await bench.send(run, '/?bytes=100');
    await expect(bench.send(run, '/?bytes=1')).rejects.toMatchObject(refusal('limit', /400 bytes/));
  });

  test('outboundTimeoutMs covers silence, a stalled reply and a chain of redirects', async () => {
    const run = bench.withLimit({ outboundTimeoutMs: 50 });
    await expect(bench.send(run, '/silent')).rejects.toMatchObject(refusal('timeout', /50 ms/));
    await expect(bench.send(run, '/stall')).rejects.toMatchObject(refusal('timeout'));
    await expect(bench.send(run, '/?to=/silent')).rejects.toMatchObject(refusal('timeout'));
  });

  test('replyHeadersMax and replyHeaderBytesMax', async () => {
    const few = bench.withLimit({ replyHeadersMax: 20 });
    expect((await bench.send(few, '/headers?bytes=10')).status).toBe(200);
    await expect(bench.send(few, '/headers?bytes=30')).rejects.toMatchObject(
      refusal('limit', /20 headers/),
    );
    const small = bench.withLimit({ replyHeaderBytesMax: 1_000 });
    expect((await bench.send(small, '/big-header?bytes=100')).status).toBe(200);
    await expect(bench.send(small, '/big-header?bytes=2000')).rejects.toMatchObject(
      refusal('limit'),
    );
  });

  test('targetBytesMax, headersMax and headerBytesMax hold for what guests send', async () => {
    await expect(bench.send(bench.withLimit({ targetBytesMax: 10 }), '/')).rejects.toMatchObject(
      refusal('limit', /a URL/),
    );
    const headers: Header[] = [
      ['a', '1'],
      ['b', '2'],
    ];
    await expect(
      bench.send(bench.withLimit({ headersMax: 1 }), '/', { headers }),
    ).rejects.toMatchObject(refusal('limit', /at most 1 headers/));
    expect(
      (await bench.send(bench.withLimit({ headerBytesMax: 12 }), '/', { headers })).status,
    ).toBe(200);
    await expect(
      bench.send(bench.withLimit({ headerBytesMax: 11 }), '/', { headers }),
    ).rejects.toMatchObject(refusal('limit', /received 12$/));
  });

  test('outboundSocketsPerOriginMax: more requests wait for a socket', async () => {
    const run = bench.withLimit({ outboundSocketsPerOriginMax: 2 });
    await Promise.all(Array.from({ length: 12 }, () => bench.send(run, '/?bytes=10')));
    expect(bench.server.sockets.length).toBeLessThanOrEqual(2);
    expect(bench.server.seen.length).toBe(12);
  });

  test('inFlightPerOriginMax refuses, and frees its places when requests end', async () => {
    const run = bench.openRun({ inFlightPerOriginMax: 1 });
    const gone = new AbortController();
    const first = bench.send(run, '/silent', { signal: gone.signal });
    await expect(bench.send(run, '/')).rejects.toMatchObject(refusal('limit', /try again/));
    gone.abort();
    await expect(first).rejects.toMatchObject(refusal('abandoned'));
    await expect
      .poll(
        () =>
          bench.send(run, '/').then(
            ({ status }) => status,
            () => 0,
          ),
        { timeout: 10_000 },
      )
      .toBe(200);
  });

  test('heldBytesMax bounds bodies under way, both directions, and is given back', async () => {
    // One owner has three quarters of them; each piece weighs something by itself.
    const run = bench.openRun({ heldBytesMax: 13_400 });
    await bench.send(run, '/?bytes=500', { method: 'POST', body: 'b'.repeat(9_000) });
    await bench.send(run, '/?bytes=9000');
    await expect(bench.send(run, '/?bytes=10100')).rejects.toMatchObject(
      refusal('limit', /10050 bytes/),
    );
    const large = bench.send(run, '/', { method: 'POST', body: 'b'.repeat(10_100) });
    await expect(large).rejects.toMatchObject(refusal('limit', /10050 bytes/));
    await expect
      .poll(() => bench.send(run, '/?bytes=9000').then(text, () => ''), { timeout: 10_000 })
      .toHaveLength(9_000);
  });

  test('one owner’s bodies leave room for those of another', async () => {
    const outbound = bench.open({ heldBytesMax: 10_000 });
    const greedy = outbound.forRun({ folderKey, loopHops: 0 });
    const body = 'b'.repeat(7_500);
    const stop = new AbortController();
    const held = bench.send(greedy, '/silent', { method: 'POST', body, signal: stop.signal });
    held.catch(() => undefined);
    await expect(bench.send(greedy, '/', { method: 'POST', body: 'one' })).rejects.toMatchObject(
      refusal('limit', /7500 bytes/),
    );
    const other = outbound.forRun({ folderKey: '/keybase/public/bob' as FolderKey, loopHops: 0 });
    expect((await bench.send(other, '/?bytes=2000')).body.byteLength).toBe(2_000);
    stop.abort();
    await expect(held).rejects.toThrow();
  });

  test('poolsMax closes the pool used longest ago, not its requests', async () => {
    const outbound = bench.open({ poolsMax: 1 });
    const run = outbound.forRun({ folderKey, loopHops: 0 });
    const first = bench.send(run, '/?bytes=5');
    await bench.send(run, `http://localhost:${bench.server.port}/`);
    expect((await first).body.byteLength).toBe(5);
    const { sockets } = bench.server;
    await expect
      .poll(() => sockets.filter(({ destroyed }) => !destroyed).length, { timeout: 10_000 })
      .toBe(1);
    expect((await bench.send(run, '/')).status).toBe(200);
  });
});
