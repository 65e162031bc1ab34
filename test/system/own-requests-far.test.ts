/** Modules of two daemons of one installation that fetch each other in a ring. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

/** One seat each, and time enough for a ring to stand still in. */
const settings = '["a.wasm".limits]\nruns = 1\n';
const env = {
  TERRAFIRMA_OUTBOUND_ALLOWED_CIDRS: '127.0.0.0/8',
  TERRAFIRMA_LIMITS_WALL_MS_MAX: '600000',
  TERRAFIRMA_LIMITS_OUTBOUND_TIMEOUT_MS: '600000',
};

/** @param key The one that both sign visits with. */
function start(folder: TestFolder, key: Uint8Array): Promise<TestDaemon> {
  folder.put('fetch', 'site/a.wasm');
  folder.put('hello', 'site/hello.wasm');
  folder.write('site/terrafirma.toml', settings);
  const stateDirectory = folder.path('state');
  mkdirSync(stateDirectory, { mode: 0o700 });
  writeFileSync(folder.path('state/visit.key'), key);
  return TestDaemon.start({ args: [folder.path('site')], env, stateDirectory, threads: 1 });
}

test('is refused at once where it comes back', { timeout: 120_000 }, async () => {
  using folder = new TestFolder();
  using otherFolder = new TestFolder();
  const key = new Uint8Array(32).fill(7);
  await using daemon = await start(folder, key);
  await using other = await start(otherFolder, key);
  /** From one to the other and on; the last answers. */
  const through = (...daemons: readonly TestDaemon[]): string =>
    daemons.reduceRight(
      (rest, { port }) => `/a.wasm?http://127.0.0.1:${port}${rest}`,
      '/hello.wasm',
    );
  await waitFor(async () => {
    const { text } = await ask(daemon.port, through(other, other));
    return text === 'hello\n' ? true : undefined;
  });
  expect((await ask(daemon.port, through(other, daemon, other))).status).toBe(503);
  const line = await daemon.waitForLog(({ errorDetail }) =>
    String(errorDetail).includes('waits for this request itself'),
  );
  expect(line.errorCode).toBe('overloaded');
  expect((await ask(daemon.port, through(other, other))).text).toBe('hello\n');
});
