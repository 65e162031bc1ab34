/** Guests that do their worst, in the real daemon: each ends by its limit, others are served. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask, type TestReply } from '../support/http.ts';

const hostileFolder = join(import.meta.dirname, '../../../shared/guests/hostile');
/** A ceiling for the verdict on a folder of dozens of modules, on a busy machine. */
const judgingMsMax = 90_000;
const environment = {
  TERRAFIRMA_LIMITS_CPU_MS_MAX: '300',
  TERRAFIRMA_LIMITS_WALL_MS_MAX: '60000',
};

/** Waits until the module has its verdict. */
async function askJudged(port: number, path: string): Promise<TestReply> {
  return waitFor(async () => {
    const reply = await ask(port, path);
    return reply.status === 503 && reply.text.includes('Cannot answer yet') ? undefined : reply;
  }, judgingMsMax);
}

function residentKib(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
}

describe('hostile guests of ours', () => {
  let folder: TestFolder;
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder = new TestFolder();
    for (const guest of [
      ...['hello', 'loop', 'start-loop', 'start-trap', 'trap', 'grow-forever', 'evil-malloc'],
      ...['deep-recursion', 'writes-everywhere', 'counter', 'start-section', 'response-huge'],
    ]) {
      folder.put(guest);
    }
    daemon = await TestDaemon.start({
      args: [folder.directory, '--quiet-ms', '50'],
      env: environment,
      threads: 1,
    });
    await askJudged(daemon.port, '/hello.wasm');
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test.each([
    ['loop', '/loop.wasm', 504, /CPU limit of 300 ms/],
    ['start-loop', '/start-loop.wasm', 504, /CPU limit of 300 ms/],
    [
      'evil-malloc, which never returns',
      '/evil-malloc.wasm/6',
      504,
      /called for memory and took more than 3 ms/,
    ],
    ['start-trap', '/start-trap.wasm', 500, /failed/],
    ['trap', '/trap.wasm', 500, /failed/],
    ['deep-recursion', '/deep-recursion.wasm', 500, /failed/],
    ['grow-forever', '/grow-forever.wasm', 200, /^refused after 2047 pages/],
    ['response-huge', '/response-huge.wasm', 200, /refused/],
  ])('%s ends, and the next request is served', async (_, path, status, sentence) => {
    const headers = { 'x-test': 'value' };
    const reply = await ask(daemon.port, path, { method: 'POST', body: 'body', headers });
    expect([reply.status, reply.text]).toEqual([status, expect.stringMatching(sentence)]);
    expect((await ask(daemon.port, '/hello.wasm')).text).toBe('hello\n');
  });

  test('small guests are served while hogs compute on their thread', async () => {
    const hogs = Array.from({ length: 4 }, () => ask(daemon.port, '/loop.wasm'));
    let isComputing = true;
    const ended = Promise.all(hogs).finally(() => {
      isComputing = false;
    });
    let served = 0;
    while (isComputing) {
      expect((await ask(daemon.port, '/hello.wasm')).text).toBe('hello\n');
      served += 1;
    }
    expect((await ended).map(({ status }) => status)).toEqual([504, 504, 504, 504]);
    expect(served).toBeGreaterThan(20);
  });

  test.each([
    ['writes-everywhere', 'clean\n'],
    ['counter', '1\n'],
    ['start-section', '1 /start-section.wasm\n'],
  ])('%s finds fresh state every time', async (guest, text) => {
    for (let request = 0; request < 20; request += 1) {
      const reply = await ask(daemon.port, `/${guest}.wasm`);
      expect(reply.text.trimEnd()).toBe(text.trimEnd());
    }
  });
});

const isHostileThere = existsSync(hostileFolder);

describe.skipIf(!isHostileThere)('the collection of hostile guests (where it is present)', () => {
  test('all are answered within limits, twice, and memory does not grow', async () => {
    using folder = new TestFolder();
    folder.put('hello');
    const names = readdirSync(hostileFolder).filter((name) => name.endsWith('.wasm'));
    for (const name of names) folder.write(name, readFileSync(join(hostileFolder, name)));
    await using daemon = await TestDaemon.start({
      args: [folder.directory, '--quiet-ms', '50'],
      // One of them sleeps until it is ended.
      env: { ...environment, TERRAFIRMA_LIMITS_WALL_MS_MAX: '20000' },
      threads: 1,
    });
    const pass = async (): Promise<void> => {
      for (const name of names) {
        const answered = await askJudged(daemon.port, `/${name}`).then(
          ({ status }) => status,
          (error: Error) => error.message,
        );
        // An answer that streams without end is broken off.
        const right = name === 'endless-stdout.wasm' ? ['aborted', 200] : [200, 500, 502, 504];
        expect({ name, answered }).toEqual({ name, answered: expect.toBeOneOf(right) });
        expect((await askJudged(daemon.port, '/hello.wasm')).text).toBe('hello\n');
      }
    };
    await pass();
    const firstKib = residentKib(daemon.child.pid);
    await pass();
    expect(residentKib(daemon.child.pid)).toBeLessThan(firstKib * 1.2);
  }, 300_000);
});
