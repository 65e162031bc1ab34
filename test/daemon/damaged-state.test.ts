/** Files of the state directory that somebody has put something else in place of. */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

/** What a daemon leaves that has served a function, below its state directory. */
async function useState(folder: TestFolder, stateDirectory: string): Promise<void> {
  await using daemon = await TestDaemon.start({ args: [folder.directory], stateDirectory });
  await waitFor(async () => {
    const { status } = await ask(daemon.port, '/hello.wasm');
    return status === 200 ? true : undefined;
  });
}

function filesIn(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
}

test('a directory in place of a file: it is named, or done without', async () => {
  using folder = new TestFolder();
  using state = new TestFolder();
  folder.put('hello');
  const stateDirectory = state.path('state');
  await useState(folder, stateDirectory);
  const late = ['suspects/probation.json', 'suspects/unexplained.json', 'owner-sessions.json'];
  const ends = new Map<string, string>();
  for (const file of new Set([...filesIn(stateDirectory), ...late])) {
    if (/^(?:modules|forms)\/|-(?:wal|shm)$/.test(file)) continue;
    const path = join(stateDirectory, file);
    const moved = state.path('moved');
    if (existsSync(path)) rmSync(path);
    mkdirSync(join(path, 'inside'), { recursive: true });
    try {
      await useState(folder, stateDirectory);
    } catch (error) {
      ends.set(file, String(error));
    }
    rmSync(path, { recursive: true, force: true });
    expect(existsSync(moved)).toBe(false);
  }
  for (const [file, told] of ends) expect.soft(told, file).toMatch(/Cannot .*state/);
  expect.soft([...ends.keys()].sort()).toEqual([]);
}, 600_000);
