import { expect, test } from 'vitest';
import { TestFolder } from '../support/folder.ts';
import { runProgram } from './program.ts';

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
