/** The log under load: whoever reads it slowly, or not at all, holds up nobody but the writer. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { localFolderKey } from '../../src/names.ts';
import { TestDaemon } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const LOG_QUEUE_BYTES = 64 * 1024;
/** Enough of these to fill the queue and all that lies between the daemon and us. */
const REQUESTS = 4_000;

describe('a log that nobody reads', () => {
  const folder = new TestFolder();
  const env = { TERRAFIRMA_LIMITS_LOG_QUEUE_BYTES_MAX: String(LOG_QUEUE_BYTES) };

  beforeAll(() => {
    folder.put('hello');
    folder.put('debug-flood');
  });
  afterAll(() => folder[Symbol.dispose]());

  async function fillLog(daemon: TestDaemon): Promise<void> {
    daemon.child.stdout?.pause();
    const path = `/${'x'.repeat(300)}`;
    for (let count = 0; count < REQUESTS; count += 20) {
      const replies = Array.from({ length: 20 }, () => ask(daemon.port, path));
      for (const { status } of await Promise.all(replies)) expect(status).toBe(404);
    }
    for (let count = 0; count < 20; count += 1) {
      expect((await ask(daemon.port, '/debug-flood.wasm')).status).toBe(200);
    }
  }

  test('does not keep the daemon from answering, deploying and ending', async () => {
    await using daemon = await TestDaemon.start({ args: [folder.directory], threads: 1, env });
    await fillLog(daemon);
    expect((await ask(daemon.port, '/hello.wasm')).text).toBe('hello\n');
    expect(await daemon.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  test('says how many lines are missing once it is read again', async () => {
    await using daemon = await TestDaemon.start({ args: [folder.directory], threads: 1, env });
    await fillLog(daemon);
    daemon.child.stdout?.resume();
    expect(await daemon.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    const losses = await daemon.waitForLog(({ msg }) => msg === 'log lines dropped');
    expect(Number(losses.withoutRoom)).toBeGreaterThan(0);
    expect(losses.clients).toEqual([`127.0.0.1: ${losses.droppedLines}`]);
    const told = daemon.log.filter(({ msg }) => msg === 'request').length;
    const requests = REQUESTS + 20;
    expect(told).toBeLessThan(requests);
    expect(daemon.log.at(-1)?.msg).toBe('stopped');
  });
});

test('gives one folder and one client a share of the log, and says what it dropped', async () => {
  using folder = new TestFolder();
  folder.put('debug-flood');
  folder.put('hello');
  await using daemon = await TestDaemon.start({
    args: [folder.directory],
    threads: 1,
    env: { TERRAFIRMA_LIMITS_LOG_BYTES_PER_SITE_PER_MINUTE_MAX: '20000' },
  });
  for (let count = 0; count < 40; count += 1) await ask(daemon.port, '/debug-flood.wasm');
  await daemon.stop('SIGTERM');
  const key = localFolderKey(folder.directory);
  const losses = await daemon.waitForLog(({ msg }) => msg === 'log lines dropped');
  expect(losses).toMatchObject({ withoutRoom: 0, sites: [`${key}: ${losses.droppedLines}`] });
  const bytes = daemon.log
    .filter(({ folderKey }) => folderKey === key)
    .reduce((sum, line) => sum + JSON.stringify(line).length, 0);
  // The share, one line that was begun below it, and the few lines of the control plane.
  expect(bytes).toBeLessThan(25_000);
});
