import { expect, test } from 'vitest';
import { localFolderKey } from '../../../src/names.ts';
import { TestDaemon, waitFor } from '../../support/daemon.ts';
import { startDnsServer } from '../../support/dns-server.ts';
import { TestFolder } from '../../support/folder.ts';
import { ask } from '../../support/http.ts';
import { runProgram } from '../program.ts';

interface Listed {
  readonly folderKey: string;
  readonly modulePath: string;
  readonly isPinned: boolean;
  readonly versions: readonly { readonly digest: string; readonly isServing: boolean }[];
}

test('versions lists what was accepted, rollback brings one back', async () => {
  using folder = new TestFolder();
  folder.put('v1', 'app.wasm');
  const args = [folder.directory, '--quiet-ms', '20', '--poll-ms', '50'];
  await using daemon = await TestDaemon.start({ args });
  const answer = async (): Promise<string> => (await ask(daemon.port, '/app.wasm')).text;
  const comes = (text: string) =>
    waitFor(async () => ((await answer()) === text ? true : undefined));
  await comes('version 1\n');
  folder.put('v2', 'app.wasm');
  await comes('version 2\n');

  const state = ['--state', daemon.stateDirectory];
  const listed: readonly Listed[] = JSON.parse(
    (await runProgram(['versions', '--json', ...state])).stdout,
  );
  expect(listed).toMatchObject([
    {
      folderKey: localFolderKey(folder.directory),
      modulePath: 'app.wasm',
      isPinned: false,
      versions: [{ isServing: true }, { isServing: false }],
    },
  ]);
  const older = listed[0]?.versions[1]?.digest ?? '';

  // By the path of this machine, and by the first digits of the digest.
  const rolled = await runProgram([
    'rollback',
    folder.path('app.wasm'),
    older.slice(0, 12),
    ...state,
  ]);
  expect(rolled).toEqual({
    code: 0,
    stdout: `${localFolderKey(folder.directory)}/app.wasm serves ${older}\n`,
    stderr: '',
  });
  await comes('version 1\n');

  const text = await runProgram(['versions', folder.path('app.wasm'), ...state]);
  expect(text.stdout).toContain('/app.wasm (rolled back)\n');
  expect(text.stdout).toMatch(new RegExp(`^ {2}\\* ${older} `, 'm'));
});

test('a daemon that runs knows folders by all their names', async () => {
  using mount = new TestFolder();
  const dns = await startDnsServer();
  dns.table.set('_keybase_pages.you.test', { txt: ['kbp=/keybase/private/you,bot'] });
  mount.put('v1', 'private/bot,you/jobs/app.wasm');
  const args = ['--mount', `/keybase=${mount.directory}`, '--dns', `${dns.host}:${dns.port}`];
  await using daemon = await TestDaemon.start({
    args: [...args, '--quiet-ms', '20', '--poll-ms', '50'],
  });
  const visit = async () => (await ask(daemon.port, '/jobs/app.wasm', { host: 'you.test' })).text;
  const comes = (text: string) =>
    waitFor(async () => ((await visit()) === text ? true : undefined));
  await comes('version 1\n');
  mount.put('v2', 'private/bot,you/jobs/app.wasm');
  await comes('version 2\n');
  const run = (...argv: readonly string[]) =>
    runProgram([...argv, '--state', daemon.stateDirectory]);

  const byName = await run('rollback', 'you.test/jobs/app.wasm');
  expect(byName.stdout).toMatch(/^\/keybase\/private\/bot,you\/jobs\/app\.wasm serves /);
  expect(await visit()).toBe('version 1\n');
  const undone = await run('rollback', '/keybase/private/you,bot/jobs/app.wasm', '--undo');
  expect(undone.code).toBe(0);
  expect(await visit()).toBe('version 2\n');
  const byPath = await run('rollback', mount.path('private/bot,you/jobs/app.wasm'));
  expect(byPath.code).toBe(0);
  expect(await visit()).toBe('version 1\n');
  const listed = await run('versions', 'you.test');
  expect(listed.stdout).toContain('jobs/app.wasm (rolled back)');
  mount.write('private/bot,you/jobs/bad.wasm', 'no module');
  const bad = await waitFor(async () => {
    const { stdout } = await run('versions', 'you.test/jobs/bad.wasm');
    return stdout === '' ? undefined : stdout;
  });
  expect(bad).toMatch(/jobs\/bad\.wasm\n {4}the file as it is now: Cannot read the module/);
  const none = await run('rollback', 'you.test/jobs/app.wasm');
  expect(none).toMatchObject({ code: 2, stdout: '' });
  expect(none.stderr).toContain('there must be a version that was accepted before');
  const unknown = await run('rollback', 'them.test/jobs/app.wasm');
  expect(unknown).toMatchObject({ code: 2, stdout: '' });
  expect(unknown.stderr).toContain('versions of it must be kept');
  await dns.close();
});

test('a state directory without versions: 0, and 1 when one was asked for', async () => {
  using folder = new TestFolder();
  const state = ['--state', folder.directory];
  const all = await runProgram(['versions', ...state]);
  expect(all).toMatchObject({ code: 0, stdout: '' });
  expect(all.stderr).toMatch(/^There are no kept versions .*terrafirma doctor$/m);
  expect(await runProgram(['versions', folder.path('app.wasm'), ...state])).toMatchObject({
    code: 1,
  });
});

test('rolling back what is not there is refused with 2', async () => {
  using folder = new TestFolder();
  const argv = ['rollback', '/folder/app.wasm', '0123456789', '--state', folder.directory];
  const { code, stdout, stderr } = await runProgram(argv);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('Cannot roll back');
});

test.each([
  ['versions', []],
  ['rollback', ['/folder/app.wasm', '0123456789']],
])('%s: a state directory that is not there is one sentence and 2', async (command, given) => {
  using folder = new TestFolder();
  folder.write('file', '');
  for (const name of ['none', 'file']) {
    const state = folder.path(name);
    const { code, stdout, stderr } = await runProgram([command, ...given, '--state', state]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Cannot look for versions: [^\n]*--state\n$/);
    expect(stderr).toContain(state);
  }
});
