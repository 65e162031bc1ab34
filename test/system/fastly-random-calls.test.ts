/** All functions of Fastly Compute called at random in a real daemon, which serves others on. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomCaller } from '../../scripts/attack/random-calls.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const ROUNDS = 3;
const RUNS_PER_ROUND = 20;
/** Many runs wait for what never comes. */
const WALL_MS = 1_000;

const folder = new TestFolder();
let daemon: TestDaemon;

beforeAll(async () => {
  folder.write('random.wasm', await randomCaller());
  folder.put('hello');
  daemon = await TestDaemon.start({
    args: [folder.directory],
    env: { TERRAFIRMA_LIMITS_WALL_MS_MAX: String(WALL_MS) },
  });
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

test('calls without sense end their own runs alone', async () => {
  for (const path of ['/hello.wasm', '/random.wasm']) {
    await waitFor(async () => ((await isThere(path)) ? true : undefined), 60_000);
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    const runs = Array.from({ length: RUNS_PER_ROUND }, () =>
      ask(daemon.port, '/random.wasm', { method: 'POST', body: 'from the visitor' }).catch(
        // Its answer may break off: it abandons bodies, too.
        () => undefined,
      ),
    );
    expect((await ask(daemon.port, '/hello.wasm')).status).toBe(200);
    await Promise.all(runs);
  }
  const outcomes = await waitFor(() => outcomesWhenAll(ROUNDS * RUNS_PER_ROUND), 60_000);
  expect(outcomes).toContain('replied');
  expect(outcomes.filter((each) => each !== 'replied' && each !== 'out-of-time')).toEqual([]);
}, 120_000);

/** Not that the module is still being built. */
async function isThere(path: string): Promise<boolean> {
  const { text } = await ask(daemon.port, path);
  return !text.startsWith('Cannot answer yet') && !text.startsWith('Cannot find');
}

/** How the runs ended, once so many have. */
function outcomesWhenAll(count: number): readonly unknown[] | undefined {
  const lines = daemon.log.filter(({ path, outcome }) => path === '/random.wasm' && outcome);
  return lines.length < count ? undefined : lines.map(({ outcome }) => outcome);
}
