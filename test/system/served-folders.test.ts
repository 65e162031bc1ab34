import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sharedKey } from '../../src/daemon/served-folder.ts';
import { recordPath } from '../../src/deploy/keep/record-files.ts';
import { type FolderKey, localFolderKey } from '../../src/names.ts';
import { runProgram } from '../commands/program.ts';
import { TestDaemon } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

let home: string;
const folders: TestFolder[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'terrafirma-home-'));
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
  for (const folder of folders.splice(0)) folder[Symbol.dispose]();
});

function newFolder(): TestFolder {
  const folder = new TestFolder();
  folder.put('kv');
  folders.push(folder);
  return folder;
}

async function get(daemon: TestDaemon, path: string): Promise<string> {
  const { status, text } = await ask(daemon.port, path);
  return `${status} ${text.trim()}`;
}

test('two folders are served side by side, each with data and versions of its own', async () => {
  const environment = { XDG_DATA_HOME: home };
  const serve = (folder: TestFolder): Promise<TestDaemon> =>
    TestDaemon.start({
      args: [folder.directory],
      env: environment,
      hasDefaultState: true,
      threads: 1,
    });
  const [a, b] = [newFolder(), newFolder()];
  await using first = await serve(a);
  await using second = await serve(b);
  expect(await get(first, '/kv.wasm/insert?k=a')).toBe('200 1');
  expect(await get(second, '/kv.wasm/get?k')).toBe('404 absent');
  expect(readdirSync(join(home, 'terrafirma', 'local')).length).toBe(2);
  const { stdout } = await runProgram(['versions', '--json'], { environment });
  const keys = JSON.parse(stdout).map((module: { folderKey: string }) => module.folderKey);
  expect(keys.sort()).toEqual([a, b].map(({ directory }) => localFolderKey(directory)).sort());
  const [digest] = JSON.parse(stdout)[0].versions.map((one: { digest: string }) => one.digest);
  const rolled = await runProgram(['rollback', b.path('kv.wasm'), digest], { environment });
  expect(rolled).toMatchObject({
    code: 0,
    stdout: `${localFolderKey(b.directory)}/kv.wasm serves ${digest}\n`,
  });
  // Whoever does not say which daemon is told which is which.
  const { code, stderr } = await runProgram(['status'], { environment });
  expect(code).toBe(2);
  for (const { port } of [first, second]) {
    expect(stderr).toMatch(
      new RegExp(`/admin\\.sock \\(serves at http://127\\.0\\.0\\.1:${port}\\)`),
    );
  }
});

test('folders served in turn from one state directory have each its own data', async () => {
  const [a, b] = [newFolder(), newFolder()];
  const state = join(home, 'state');
  const seen: string[] = [];
  for (const folder of [a, b, a]) {
    await using daemon = await TestDaemon.start({
      args: [folder.directory],
      stateDirectory: state,
      threads: 1,
    });
    seen.push(await get(daemon, '/kv.wasm/append?k=x'), await get(daemon, '/kv.wasm/get?k'));
    await daemon.stop();
  }
  expect(seen).toEqual(['200 1', '200 x', '200 1', '200 x', '200 0', '200 xx']);
});

test('commands know the folder by a URL as a browser has it', async () => {
  const folder = newFolder();
  const stateDirectory = join(home, 'state');
  const options = { args: [folder.directory], stateDirectory, threads: 1 };
  await using daemon = await TestDaemon.start(options);
  expect(await get(daemon, '/kv.wasm/insert?k=a')).toBe('200 1');
  const url = `${daemon.url}/kv%2ewasm?k#top`;
  const listed = await runProgram(['kv', 'get', url, 'k', '--state', stateDirectory]);
  expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining('a') });
  const undone = await runProgram(['rollback', url, '--undo', '--state', stateDirectory]);
  expect(undone.stdout).toContain(`${localFolderKey(folder.directory)}/kv.wasm serves `);
  const silent = await runProgram(['logs', url, '--request', 'none', '--state', stateDirectory]);
  expect(silent).toMatchObject({ code: 0, stdout: '' });
  expect(silent.stderr).toContain('There is no such line among the newest');
});

test('what an earlier release kept stays with the folder it was last kept for', async () => {
  const folder = newFolder();
  const state = join(home, 'state');
  const askOnce = async (served: TestFolder, path: string): Promise<string> => {
    const options = { args: [served.directory], stateDirectory: state, threads: 1 };
    await using daemon = await TestDaemon.start(options);
    const answer = await get(daemon, path);
    await daemon.stop();
    return answer;
  };
  expect(await askOnce(folder, '/kv.wasm/insert?k=kept')).toBe('200 1');
  asEarlierRelease(state, localFolderKey(folder.directory));
  expect(await askOnce(newFolder(), '/kv.wasm/get?k')).toBe('404 absent');
  expect(await askOnce(folder, '/kv.wasm/get?k')).toBe('200 kept');
  // With the usual state directory, the person is told where to look.
  asEarlierRelease(state, localFolderKey(folder.directory));
  renameSync(state, join(home, 'terrafirma'));
  await using daemon = await TestDaemon.start({
    args: [folder.directory],
    env: { XDG_DATA_HOME: home },
    hasDefaultState: true,
    threads: 1,
  });
  expect(daemon.complaints.join('\n')).toContain(`--state ${join(home, 'terrafirma')}`);
});

/** As earlier releases kept it: one key for whatever folder was served. */
function asEarlierRelease(state: string, key: FolderKey): void {
  const database = new DatabaseSync(join(state, 'shared.sqlite'));
  database.prepare('UPDATE spaces SET name = ? || substr(name, length(?) + 1)').run(sharedKey, key);
  database.close();
  const text = readFileSync(recordPath(state, key), 'utf8');
  const record = { ...JSON.parse(text), folderKey: sharedKey };
  rmSync(recordPath(state, key));
  writeFileSync(recordPath(state, sharedKey), JSON.stringify(record));
}
