import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { type MessagePort, Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import type { FolderKey } from '../../../src/names.ts';
import type { ToClient } from '../../../src/outside/store/messages.ts';
import {
  bytes,
  folderKey,
  modulePath,
  refusal,
  text,
  useKeyValue,
} from '../../capability/kv/client-bench.ts';

const bench = useKeyValue();

/** Sends the writer what it cannot understand, so that its thread ends by an uncaught error. */
async function crashWriter(port: MessagePort): Promise<void> {
  const [message]: ToClient[] = await once(port, 'message');
  if (message?.kind !== 'writer') throw new Error('expected a writer');
  const closed = once(message.port, 'close');
  message.port.postMessage({ kind: 'write', requests: 'not a list' });
  await closed;
  port.close();
}

describe('the writer', () => {
  test('appends of several threads are atomic, and exactly one insert-if-absent wins', async () => {
    const writer = bench.openWriter();
    const threads = ['a', 'b', 'c', 'd'].map((mark) => {
      const port = writer.connect();
      const { directory } = bench;
      const start = { port, directory, folderKey, modulePath, mark, appends: 200 };
      return new Worker(new URL('../../capability/kv-append-thread.ts', import.meta.url), {
        workerData: start,
        transferList: [port],
      });
    });
    const winners = await Promise.all(threads.map((thread) => once(thread, 'message')));
    expect(winners.flat().reduce((sum: number, won: number) => sum + won, 0)).toBe(1);
    const store = bench.openClient(writer).forRun({ folderKey, modulePath });
    const appended = text(await store.get(bytes('shared'))) ?? '';
    const counts = ['a', 'b', 'c', 'd'].map((mark) => appended.split(mark).length - 1);
    expect(counts).toEqual([200, 200, 200, 200]);
    expect(appended.length).toBe(800);
  });

  test('lets nobody’s small write wait for another owner’s large ones', async () => {
    const writer = bench.openWriter();
    const client = bench.openClient(writer);
    const mallory = client.forRun({
      folderKey: '/keybase/public/mallory' as FolderKey,
      modulePath,
    });
    const alice = client.forRun({ folderKey, modulePath });
    await alice.insert(bytes('warm'), bytes('up'));
    const large = new Uint8Array(2 * 1024 * 1024);
    let stored = 0;
    const flood = Array.from({ length: 12 }, async (_, n) => {
      await mallory.insert(bytes(`${n}`), large);
      stored += 1;
    });
    await alice.insert(bytes('k'), bytes('v'));
    expect(stored).toBeLessThanOrEqual(1);
    await Promise.all(flood);
  });

  test('keeps the journal short under a flood, and moves it into the file afterwards', async () => {
    const writer = bench.openWriter();
    const store = bench.openClient(writer).forRun({ folderKey, modulePath });
    const large = new Uint8Array(3 * 1024 * 1024);
    let journalBytesSeen = 0;
    for (let n = 0; n < 40; n += 1) {
      await store.insert(bytes(`${n % 4}`), large);
      journalBytesSeen = Math.max(journalBytesSeen, statSync(`${bench.databasePath}-wal`).size);
    }
    expect(journalBytesSeen).toBeLessThan(40 * 1024 * 1024);
    await expect.poll(() => statSync(bench.databasePath).size).toBeGreaterThan(4 * large.length);
  });

  test('values survive a restart', async () => {
    const first = bench.openWriter();
    const store = bench.openClient(first).forRun({ folderKey, modulePath });
    await store.insert(bytes('k'), bytes('kept'));
    await first.close();
    const second = bench.openClient(bench.openWriter()).forRun({ folderKey, modulePath });
    expect(text(await second.get(bytes('k')))).toBe('kept');
    expect(bench.troubles).toEqual([]);
  });

  test('close commits and answers what was sent before', async () => {
    const writer = bench.openWriter();
    const store = bench.openClient(writer).forRun({ folderKey, modulePath });
    await store.insert(bytes('warm'), bytes('up'));
    const sent = Array.from({ length: 100 }, (_, at) => store.insert(bytes(`${at}`), bytes('v')));
    await Promise.resolve();
    const closed = writer.close();
    expect(await Promise.all(sent)).toEqual(sent.map(() => true));
    await closed;
    await writer.close();
    expect(bench.troubles).toEqual([]);
  });

  test('a crashed writer is replaced, and clients go on with the next one', async () => {
    const writer = bench.openWriter();
    const store = bench.openClient(writer).forRun({ folderKey, modulePath });
    await store.insert(bytes('k'), bytes('1'));
    await crashWriter(writer.connect());
    const kept = async (): Promise<boolean> => store.insert(bytes('l'), bytes('2'));
    await expect
      .poll(() => kept().catch(() => undefined), { timeout: 10_000 })
      .toBeTypeOf('boolean');
    expect(text(await store.get(bytes('k')))).toBe('1');
    expect(bench.troubles).toHaveLength(1);
    expect(bench.troubles[0]).toContain(bench.databasePath);
  });

  test('a damaged file refuses every call, and only the operator reads its name', async () => {
    writeFileSync(bench.databasePath, 'damaged'.repeat(1_000));
    const writer = bench.openWriter();
    const store = bench.openClient(writer).forRun({ folderKey, modulePath });
    const why = refusal('unavailable', /its file is unusable: file is not a database$/);
    await expect(store.get(bytes('k'))).rejects.toMatchObject(why);
    await expect(store.insert(bytes('k'), bytes('v'))).rejects.toMatchObject(why);
    const late = bench.openClient(writer).forRun({ folderKey, modulePath });
    await expect(late.insert(bytes('k'), bytes('v'))).rejects.toMatchObject(why);
    expect(bench.troubles).toHaveLength(1);
    expect(bench.troubles[0]).toContain(bench.databasePath);
    await writer.close();
  });

  test('works with synchronous FULL, which the file confirms when it is opened', async () => {
    const writer = bench.openWriter({}, { synchronous: 'full' });
    const store = bench.openClient(writer).forRun({ folderKey, modulePath });
    expect(await store.insert(bytes('k'), bytes('v'))).toBe(true);
  });
});

describe('a process killed while it writes', () => {
  test('20 times: what was acknowledged is there, and the file is sound', async () => {
    const acknowledged = new Set<number>();
    for (let round = 0; round < 20; round += 1) {
      for (const number of await writeUntilKilled(round * 1_000_000)) acknowledged.add(number);
    }
    const database = new DatabaseSync(bench.databasePath);
    expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    const stored = database.prepare('SELECT key, value FROM entries').all();
    const numbers = new Set<number>();
    for (const { key, value } of stored) {
      if (!(key instanceof Uint8Array) || !(value instanceof Uint8Array)) throw new Error('bytes');
      expect(text(value)).toBe(`value ${text(key)}`);
      numbers.add(Number(text(key)));
    }
    expect(acknowledged.size).toBeGreaterThan(20);
    expect([...acknowledged].filter((number) => !numbers.has(number))).toEqual([]);
    const [kept] = database.prepare('SELECT keys FROM spaces').all();
    expect(kept?.keys).toBe(stored.length);
    database.close();
  }, 120_000);
});

/** The numbers whose writing was acknowledged before SIGKILL, which comes after a few of them. */
async function writeUntilKilled(first: number): Promise<number[]> {
  const script = new URL('../../capability/kv-killed-process.ts', import.meta.url).pathname;
  const child = spawn(
    process.execPath,
    [script, bench.directory, folderKey, modulePath, String(first)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  const numbers: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    numbers.push(Number(line));
    if (numbers.length === 20) child.kill('SIGKILL');
  }
  expect(await exited).toEqual([null, 'SIGKILL']);
  return numbers;
}
