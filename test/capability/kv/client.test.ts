import { MessageChannel } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { KeyValueClient } from '../../../src/capability/kv/client.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import type { FolderKey, ModulePath } from '../../../src/names.ts';
import type { FromStore, ToClient, ToStore } from '../../../src/outside/store/messages.ts';
import { openStoreClient } from '../../../src/outside/store/open.ts';
import { bytes, folderKey, modulePath, refusal, text, useKeyValue } from './client-bench.ts';

const bench = useKeyValue();

describe('a namespace', () => {
  test('does what the five operations promise', async () => {
    const store = bench.openClient(bench.openWriter()).forRun({ folderKey, modulePath });
    const key = bytes('k');
    expect(await store.get(key)).toBeUndefined();
    expect(await store.insert(key, bytes('1'))).toBe(true);
    expect(await store.insert(key, bytes('2'))).toBe(false);
    expect(text(await store.get(key))).toBe('2');
    expect(await store.insertIfAbsent(key, bytes('3'))).toBe(false);
    expect(text(await store.get(key))).toBe('2');
    expect(await store.append(key, bytes('4'))).toBe(false);
    expect(text(await store.get(key))).toBe('24');
    expect(await store.remove(key)).toBe(true);
    expect(await store.remove(key)).toBe(false);
    expect(await store.get(key)).toBeUndefined();
    expect(await store.append(key, bytes('5'))).toBe(true);
    expect(await store.insertIfAbsent(bytes('other'), bytes('6'))).toBe(true);
    expect(text(await store.get(key))).toBe('5');
  });

  test('keeps any bytes: empty, zeros, not UTF-8', async () => {
    const store = bench.openClient(bench.openWriter()).forRun({ folderKey, modulePath });
    const odd = Uint8Array.of(0, 0xff, 0xc3, 0x28, 0, 10);
    await store.insert(odd, new Uint8Array());
    expect(await store.get(odd)).toEqual(new Uint8Array());
    await store.append(odd, odd);
    await store.append(odd, odd);
    expect(await store.get(odd)).toEqual(Uint8Array.of(...odd, ...odd));
    await store.insert(new Uint8Array(), odd);
    expect(await store.get(new Uint8Array())).toEqual(odd);
  });

  test('cannot see what other folders and modules stored', async () => {
    const client = bench.openClient(bench.openWriter());
    const other = client.forRun({ folderKey: '/keybase/public/bob' as FolderKey, modulePath });
    const sibling = client.forRun({ folderKey, modulePath: 'other.wasm' as ModulePath });
    await client.forRun({ folderKey, modulePath }).insert(bytes('k'), bytes('mine'));
    expect(await other.get(bytes('k'))).toBeUndefined();
    expect(await sibling.insertIfAbsent(bytes('k'), bytes('theirs'))).toBe(true);
    expect(await other.remove(bytes('k'))).toBe(false);
    expect(text(await client.forRun({ folderKey, modulePath }).get(bytes('k')))).toBe('mine');
  });

  test('takes copies: the guest may change its memory before the write is done', async () => {
    const store = bench.openClient(bench.openWriter()).forRun({ folderKey, modulePath });
    const memory = new Uint8Array(65_536).fill(0x61);
    const written = store.insert(memory.subarray(0, 1), memory.subarray(8, 12));
    memory.fill(0x62);
    await written;
    expect(text(await store.get(bytes('a')))).toBe('aaaa');
  });

  test('a write is seen by every client once it is answered', async () => {
    const writer = bench.openWriter();
    const one = bench.openClient(writer).forRun({ folderKey, modulePath });
    const two = bench.openClient(writer).forRun({ folderKey, modulePath });
    for (let count = 0; count < 50; count += 1) {
      await one.insert(bytes('k'), bytes(String(count)));
      expect(text(await two.get(bytes('k')))).toBe(String(count));
    }
  });
});

describe('limits at the door', () => {
  test('kvKeyBytesMax', async () => {
    const client = bench.openClient(bench.openWriter(), { kvKeyBytesMax: 4 });
    const store = client.forRun({ folderKey, modulePath });
    const long = bytes('fives');
    await store.insert(bytes('four'), bytes('v'));
    const why = refusal('limit', /at most 4 bytes: received 5$/);
    await expect(store.get(long)).rejects.toMatchObject(why);
    await expect(store.insert(long, long)).rejects.toMatchObject(why);
    await expect(store.insertIfAbsent(long, long)).rejects.toMatchObject(why);
    await expect(store.append(long, long)).rejects.toMatchObject(why);
    await expect(store.remove(long)).rejects.toMatchObject(why);
  });

  test('kvValueBytesMax', async () => {
    const client = bench.openClient(bench.openWriter(), { kvValueBytesMax: 4 });
    const store = client.forRun({ folderKey, modulePath });
    await store.insert(bytes('k'), bytes('four'));
    const why = refusal('limit', /a value has at most 4 bytes: received 5$/);
    await expect(store.insert(bytes('k'), bytes('fives'))).rejects.toMatchObject(why);
    expect(text(await store.get(bytes('k')))).toBe('four');
  });

  test('kvOperationsPerRunMax counts every operation, and each run begins at zero', async () => {
    const client = bench.openClient(bench.openWriter(), { kvOperationsPerRunMax: 2 });
    const store = client.forRun({ folderKey, modulePath });
    await store.insert(bytes('k'), bytes('v'));
    await store.get(bytes('k'));
    await expect(store.get(bytes('k'))).rejects.toMatchObject(refusal('limit', /2 times/));
    await client.forRun({ folderKey, modulePath }).remove(bytes('k'));
  });

  test('kvQueuedBytesMax bounds what waits for the disk, and is given back', async () => {
    const client = bench.openClient(bench.openWriter(), { kvQueuedBytesMax: 110 });
    const store = client.forRun({ folderKey, modulePath });
    const first = store.insert(bytes('k'), bytes('123456789'));
    const why = refusal(
      'limit',
      /at most 110 bytes may wait .* received 102 bytes while 110 of 110 wait/,
    );
    await expect(store.insert(bytes('l'), bytes('1'))).rejects.toMatchObject(why);
    await first;
    await store.insert(bytes('l'), bytes('1'));
  });
});

test('one owner leaves room in the queue for others', async () => {
  const client = bench.openClient(bench.openWriter(), { kvQueuedBytesMax: 4_000 });
  const mallory = client.forRun({ folderKey: '/keybase/public/mallory' as FolderKey, modulePath });
  const alice = client.forRun({ folderKey, modulePath });
  const value = new Uint8Array(900);
  const flood = Promise.allSettled(
    Array.from({ length: 5 }, (_, n) => mallory.insert(bytes(`${n}`), value)),
  );
  expect(await alice.insert(bytes('k'), value)).toBe(true);
  const ends = await flood;
  expect(ends.map(({ status }) => status)).toEqual([
    ...['fulfilled', 'fulfilled'],
    ...['rejected', 'rejected', 'rejected'],
  ]);
});

describe('a client whose writer is gone', () => {
  test('refuses what was sent, keeps what was not, and goes on with the next writer', async () => {
    const { port1: control, port2 } = new MessageChannel();
    const lost = new MessageChannel();
    const client = new KeyValueClient({
      store: openStoreClient(port2, bench.directory),
      limits: defaultLimits,
    });
    const introduce: ToClient = { kind: 'writer', port: lost.port2 };
    control.postMessage(introduce, [lost.port2]);
    const sent = new Promise<ToStore>((resolve) => {
      lost.port1.once('message', resolve);
    });
    const store = client.forRun({ folderKey, modulePath });
    const orphan = store.append(bytes('k'), bytes('1'));
    const { kind, requests: [request] = [] } = { requests: [], ...(await sent) };
    expect([kind, request?.writes.map(({ op }) => op)]).toEqual(['write', ['append']]);
    lost.port1.close();
    await expect(orphan).rejects.toMatchObject(refusal('unavailable', /read it again/));

    const kept = store.append(bytes('k'), bytes('2'));
    const next = new MessageChannel();
    next.port1.on('message', (message: ToStore) => {
      if (message.kind !== 'write') return;
      const answers = message.requests.map(({ id, writes: [write] }) => {
        const before = text(write?.value) === '2' ? 7 : 0;
        return { id, kind: 'done', before: [before], revisions: [8] } as const;
      });
      next.port1.postMessage({ kind: 'answers', answers } satisfies FromStore);
    });
    control.postMessage({ kind: 'writer', port: next.port2 } satisfies ToClient, [next.port2]);
    expect(await kept).toBe(false);
    await client.store.close();
    control.close();
  });

  test('after close every call is refused, those that wait too', async () => {
    const client = bench.openClient(bench.openWriter());
    const store = client.forRun({ folderKey, modulePath });
    const waiting = store.insert(bytes('k'), bytes('v'));
    await client.store.close();
    const why = refusal('unavailable', /was closed/);
    await expect(waiting).rejects.toMatchObject(why);
    await expect(store.insert(bytes('k'), bytes('v'))).rejects.toMatchObject(why);
    await expect(store.get(bytes('k'))).rejects.toMatchObject(why);
  });
});
