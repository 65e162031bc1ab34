import { expect, test } from 'vitest';
import { TestFolder } from '../../support/folder.ts';
import { runProgram } from '../program.ts';

test('what config prints is a configuration file that means the same', async () => {
  using folder = new TestFolder();
  folder.write('first.toml', '[limits]\ncpu_ms_max = 20\n');
  const argv = ['--mount', '/keybase=sites', '--threads', '3'];
  const first = await runProgram(['config', '--config', folder.path('first.toml'), ...argv]);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toContain('threads = 3 # --threads');
  expect(first.stdout).toContain(`cpu_ms_max = 20 # ${folder.path('first.toml')}:2`);
  folder.write('second.toml', first.stdout);
  const second = await runProgram(['config', '--config', folder.path('second.toml')]);
  const values = (text: string) => text.replace(/ # .*$/gm, '').replace(/^# \/.*\n/, '');
  expect(values(second.stdout)).toBe(values(first.stdout));
});

test('a mistake ends with 2 and names its place', async () => {
  using folder = new TestFolder();
  folder.write('bad.toml', '\n\nlisten = ["nonsense"]\n');
  const { code, stdout, stderr } = await runProgram([
    'config',
    '--config',
    folder.path('bad.toml'),
  ]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(`${folder.path('bad.toml')}:3: listen must be host:port`);
});

test('--json is JSON', async () => {
  const environment = { TERRAFIRMA_THREADS: '2' };
  const { stdout } = await runProgram(['config', '--json'], { environment });
  expect(JSON.parse(stdout)).toMatchObject({
    file: null,
    settings: expect.arrayContaining([expect.objectContaining({ name: 'threads', value: 2 })]),
  });
});

test('check says that a configuration is good, and shows nothing', async () => {
  using folder = new TestFolder();
  const { code, stdout, stderr } = await runProgram(['config', 'check', folder.directory]);
  expect({ code, stdout, stderr }).toEqual({
    code: 0,
    stdout: 'The configuration is good (no file)\n',
    stderr: '',
  });
});

test('check names all that keeps the daemon from serving', async () => {
  using folder = new TestFolder();
  folder.write('site.pem', 'certificate');
  const argv = ['--mount', '/keybase=nowhere', '--tls-certificate', 'site.pem=site.key'];
  const { code, stdout, stderr } = await runProgram(['config', 'check', ...argv], {
    workingDirectory: folder.directory,
  });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  const start = 'Cannot serve with this configuration:';
  expect(stderr.split('\n')).toEqual([
    expect.stringMatching(`^${start} the mount /keybase must be a directory .*/nowhere$`),
    expect.stringMatching(`^${start} the key of tls.certificate must be a file .*/site.key$`),
    '',
  ]);
  const nothing = await runProgram(['config', 'check']);
  expect(nothing.code).toBe(2);
  expect(nothing.stderr).toContain('a folder or a mount must be given');
});

test.each([
  [['chek'], /must be a directory: received chek \(did you mean "check"\?\)/],
  [['chek', '.'], /received "chek" and "\." \(did you mean "check"\?\)/],
])('config %j is refused with 2', async (argv, message) => {
  const { code, stdout, stderr } = await runProgram(['config', ...argv]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(message);
});
