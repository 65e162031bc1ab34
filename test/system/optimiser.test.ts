import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { marksMax } from '../../src/deploy/keep/quarantine.ts';
import { runProgram } from '../commands/program.ts';
import { killerByCalls, killerOfOptimiser, manyIfs } from '../deploy/costly-modules.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';

/**
 * An end is forgiven when the daemon had written down already that a guest of the module was made.
 * Whether it had is a race with the disk, so the number of ends lies between these two.
 */
const forgivenMax = 3;

/** Enough for V8 to find a function hot, many times over. */
const calls = 5;
const hotRequests = 30;

describe('a module that may hurt the process', () => {
  let folder: TestFolder;
  let daemon: TestDaemon;

  beforeEach(() => {
    folder = new TestFolder();
  });
  afterEach(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const start = async (stateDirectory?: string): Promise<void> => {
    const args = [folder.directory];
    const kept = stateDirectory === undefined ? {} : { stateDirectory };
    daemon = await TestDaemon.start({ args, threads: 1, ...kept });
  };
  const status = async (path: string): Promise<number> => {
    const response = await fetch(`${daemon.url}${path}`);
    await response.arrayBuffer();
    return response.status;
  };
  const makeHot = async (path: string): Promise<void> => {
    for (let request = 0; request < hotRequests; request += 1) {
      expect(await status(path)).toBe(200);
    }
  };

  test('serves, hot as it gets, and again after a restart', async () => {
    folder.put('hello');
    folder.write('killer.wasm', killerByCalls(calls));
    folder.write('branches.wasm', killerOfOptimiser(calls));
    const state = new TestFolder();
    await start(state.directory);
    await makeHot('/killer.wasm');
    const refused = await fetch(`${daemon.url}/branches.wasm`);
    expect(refused.status).toBe(502);
    expect(await refused.text()).toMatch(/branches to one label .* function 1 \("costly"\)/);
    const told = await daemon.waitForLog(({ msg }) => msg.startsWith('module runs slowly'));
    expect(told.reason).toMatch(/function 1 \("costly"\)/);
    expect(await daemon.stop()).toEqual({ code: 0, signal: null });
    await start(state.directory);
    await makeHot('/killer.wasm');
    // As an earlier daemon leaves it, which tried its modules with one compiler.
    expect(await daemon.stop()).toEqual({ code: 0, signal: null });
    rmSync(join(state.directory, 'trials'), { recursive: true });
    await start(state.directory);
    await makeHot('/killer.wasm');
    expect(await status('/hello.wasm')).toBe(200);
    state[Symbol.dispose]();
  });

  test('is quarantined after some ends of the daemon while it was new, and released', async () => {
    const state = new TestFolder();
    folder.put('hello');
    let ends = 0;
    await start(state.directory);
    while ((await status('/hello.wasm')) === 200) {
      await daemon.stop('SIGKILL');
      ends += 1;
      expect(ends, 'ends without a quarantine').toBeLessThanOrEqual(forgivenMax + marksMax);
      await start(state.directory);
    }
    expect(ends).toBeGreaterThanOrEqual(marksMax);
    const refused = await fetch(`${daemon.url}/hello.wasm`);
    expect(refused.status).toBe(502);
    expect(await refused.text()).toMatch(/terrafirma release/);
    const told = await daemon.waitForLog(({ msg }) => msg === 'module quarantined');
    const { digest } = told as unknown as { digest: string };
    const known = ['--state', state.directory];
    expect((await runProgram(['versions', ...known])).stdout).toMatch(
      new RegExp(`${digest} .*quarantined`),
    );
    expect((await runProgram(['release', digest.slice(0, 8), ...known])).code).toBe(0);
    await waitFor(async () => ((await status('/hello.wasm')) === 200 ? true : undefined));
    expect((await runProgram(['versions', ...known])).stdout).not.toMatch(/quarantined/);
    state[Symbol.dispose]();
  });

  test('is published before its trial with the optimiser is over', {
    timeout: 180_000,
  }, async () => {
    // Each takes 0.4 s: all together more than a deploy waits for, and well within the bounds.
    folder.write('slow.wasm', manyIfs(2_500, 1, 12));
    await start();
    await waitFor(async () => ((await status('/slow.wasm')) === 200 ? true : undefined));
    await daemon.waitForLog(({ msg }) => msg === 'module may be optimised now', 150_000);
    await makeHot('/slow.wasm');
  });
});
