/** A daemon that somebody kills, again and again, soon after its start. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

test('three kills within seconds quarantine no function that was visited', async () => {
  using folder = new TestFolder();
  folder.put('hello', 'site/hello.wasm');
  const options = { args: [folder.path('site')], stateDirectory: folder.path('state'), threads: 1 };
  const suspects = join(options.stateDirectory, 'suspects');
  const visit = async (): Promise<TestDaemon> => {
    const daemon = await TestDaemon.start(options);
    await waitFor(async () => {
      const { status } = await ask(daemon.port, '/hello.wasm');
      return status === 200 ? true : undefined;
    });
    return daemon;
  };
  for (let kill = 0; kill < 3; kill += 1) {
    await using daemon = await visit();
    await waitFor(() => {
      const left = join(suspects, 'probation.json');
      if (!existsSync(left)) return undefined;
      const { onProbation, untried } = JSON.parse(readFileSync(left, 'utf8'));
      return onProbation.length === 1 && untried.length === 0 ? true : undefined;
    });
    await daemon.stop('SIGKILL');
  }
  await using daemon = await visit();
  expect(readdirSync(suspects).filter((name) => /^[0-9a-f]{64}/.test(name))).toEqual([]);
  await daemon.stop('SIGTERM');
});
