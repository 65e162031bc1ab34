/** What nodes do beside what visitors ask for: whole files nobody needs, clocks. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BlobSweeper } from '../../../../src/daemon/blob-sweeper.ts';
import { openJournal } from '../../../../src/journal/journal.ts';
import type { Digest } from '../../../../src/names.ts';
import type { StoredBlob } from '../../../../src/outside/store/contract.ts';
import type { NatsStore } from '../../../../src/outside/store/nats/nats-store.ts';
import { NatsServers, natsProgram } from '../../../support/nats-servers.ts';
import { openNatsStore, settingsOf } from './world.ts';

const dayMs = 86_400_000;

describe.skipIf(natsProgram === undefined)('on one server', () => {
  let servers: NatsServers;
  const opened: NatsStore[] = [];

  beforeAll(async () => {
    servers = await NatsServers.start({ count: 1 });
  });

  afterAll(async () => {
    for (const store of opened) await store.close();
    await servers?.close();
  });

  function open(more: Parameters<typeof openNatsStore>[1] = {}): NatsStore {
    const store = openNatsStore(settingsOf(servers.urls, { name: 'upkeep' }), more);
    opened.push(store);
    return store;
  }

  test('whole files that no record has named for a day are removed, by one node', async () => {
    const store = open();
    const digests: Digest[] = [];
    for (const text of ['entry', 'rollback', 'nobody']) {
      const bytes = Buffer.from(text);
      const digest = createHash('sha256').update(bytes).digest('hex') as Digest;
      await store.blobs.put(digest, bytes);
      digests.push(digest);
    }
    const [entry, pinned, unnamed] = digests;
    const value = Buffer.from(
      JSON.stringify({ entries: [{ digest: entry }], pin: { digest: pinned } }),
    );
    const key = Buffer.from('app.wasm');
    const space = { area: 'deploy', name: '/keybase/public/alice' } as const;
    await store.commit(space, [{ key, op: 'put', value }], { deadlineMs: 10_000 });
    const told: unknown[] = [];
    const journal = openJournal(({ facts, kind }) => {
      if (kind === 'blobs-swept') told.push(facts.count);
    });
    const sweeper = (wallMs: () => number): BlobSweeper =>
      new BlobSweeper({ store, journal, wallMs, nowMs: () => performance.now() });
    const there = async (): Promise<readonly boolean[]> => {
      const found = new Set<Digest>();
      for await (const { digest } of store.blobs.list()) found.add(digest);
      return digests.map((digest) => found.has(digest));
    };

    const today = sweeper(Date.now);
    await today.sweep();
    expect(await there()).toEqual([true, true, true]);
    const tomorrow = sweeper(() => Date.now() + dayMs + 60_000);
    await tomorrow.sweep();
    // The other one has the lease.
    expect(await there()).toEqual([true, true, true]);
    await today.close();
    await tomorrow.sweep();
    expect(await there()).toEqual([true, true, false]);
    expect(told).toEqual([1]);
    expect(await store.blobs.get(unnamed as Digest)).toBeUndefined();
    await tomorrow.close();
  });

  test('a whole file that is stored again while it is removed is there', async () => {
    const { blobs } = open();
    const content = Buffer.from('again and again');
    const digest = createHash('sha256').update(content).digest('hex') as Digest;
    let removed = 0;
    for (let round = 0; round < 100; round += 1) {
      await blobs.put(digest, content);
      let old: StoredBlob = { digest, storedAtMs: 0 };
      for await (const blob of blobs.list()) if (blob.digest === digest) old = blob;
      const [wasRemoved] = await Promise.all([blobs.remove(old), blobs.put(digest, content)]);
      if (wasRemoved) removed += 1;
      expect(Buffer.from((await blobs.get(digest)) ?? '')).toEqual(content);
    }
    // Both orders were met.
    expect(removed).toBeGreaterThan(0);
  });

  test('a whole file is read while others store it again', async () => {
    const [one, other] = [open().blobs, open().blobs];
    const content = Buffer.alloc(300_000, 'x');
    const digest = createHash('sha256').update(content).digest('hex') as Digest;
    await one.put(digest, content);
    for (let round = 0; round < 10; round += 1) {
      const reads = Array.from({ length: 4 }, () => other.get(digest));
      const [, ...read] = await Promise.all([one.put(digest, content), ...reads]);
      for (const bytes of read) expect(bytes?.byteLength).toBe(content.byteLength);
    }
  });

  test('a node is told how far its clock is from that of the servers', async () => {
    const offsets = new Promise<number>((resolve) => {
      open({ nowMs: () => Date.now() + 40_000, onClock: resolve });
    });
    // Both run by the clock of this machine; an answer takes half a second at most.
    expect(Math.abs((await offsets) - 40_000)).toBeLessThan(2_000);
  });
});
