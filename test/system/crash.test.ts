import { describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { guestBytes, TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const ROUNDS = 20;
const WRITERS = 4;

/**
 * A daemon that is killed in the middle of writing, over and over on the same state: what it had
 * acknowledged must be there, and the last good version must still be served.
 */
describe('kill -9 while publishing and while writing keys', () => {
  test(`loses nothing that was acknowledged in ${ROUNDS} rounds`, {
    timeout: 300_000,
  }, async () => {
    using folder = new TestFolder();
    folder.put('kv');
    folder.put('v1', 'app.wasm');
    const acknowledged = new Set<string>();
    const args = [folder.directory, '--quiet-ms', '20', '--poll-ms', '50'];
    // Killed on purpose, again and again: no module is to blame.
    const env = { TERRAFIRMA_LIMITS_PROBATION_MS: '0' };
    const keeper = await TestDaemon.start({ args, env });
    const { stateDirectory } = keeper;
    let daemon = keeper;
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        const version = await ask(daemon.port, '/app.wasm');
        expect(version.text).toMatch(/^version [12]\n$/);
        await writeUntilKilled(daemon, { round, acknowledged, folder });
        // Half of the time the file is broken when the daemon comes back.
        if (round % 2 === 0) folder.write('app.wasm', guestBytes('v1').subarray(0, 50));
        daemon = await TestDaemon.start({ args, env, stateDirectory });
      }
      expect((await ask(daemon.port, '/app.wasm')).text).toMatch(/^version [12]\n$/);
      const missing: string[] = [];
      for (const key of acknowledged) {
        const { text } = await ask(daemon.port, `/kv.wasm/get?${key}`);
        if (text !== `value-${key}`) missing.push(key);
      }
      expect(missing).toEqual([]);
      expect(acknowledged.size).toBeGreaterThan(ROUNDS);
    } finally {
      await daemon.stop('SIGKILL');
      await keeper[Symbol.asyncDispose]();
    }
  });
});

async function writeUntilKilled(
  daemon: TestDaemon,
  work: { readonly round: number; readonly acknowledged: Set<string>; readonly folder: TestFolder },
): Promise<void> {
  const { round, acknowledged, folder } = work;
  let isKilled = false;
  const write = async (writer: number): Promise<void> => {
    for (let count = 0; !isKilled; count += 1) {
      const key = `${round}-${writer}-${count}`;
      const reply = await ask(daemon.port, `/kv.wasm/insert?${key}=value-${key}`).catch(
        () => undefined,
      );
      if (reply?.status === 200) acknowledged.add(key);
    }
  };
  const publish = async (): Promise<void> => {
    for (let count = 0; !isKilled; count += 1) {
      folder.replace('app.wasm', guestBytes(count % 2 === 0 ? 'v2' : 'v1'));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const tasks = [publish(), ...Array.from({ length: WRITERS }, (_, writer) => write(writer))];
  // Another moment each round, so that the kill falls into every stage of publishing.
  const before = acknowledged.size;
  await waitFor(() => (acknowledged.size > before ? true : undefined));
  await new Promise((resolve) => setTimeout(resolve, round * 13));
  const killed = daemon.stop('SIGKILL');
  isKilled = true;
  await Promise.all([killed, ...tasks]);
}
