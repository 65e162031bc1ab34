import { expect, test } from 'vitest';
import { printJson, printToml } from '../../src/config/print.ts';
import type { LoadedConfig } from '../../src/config/resolve.ts';
import { resolveConfig } from '../../src/config/resolve.ts';

function resolve(text: string, path = '/etc/terrafirma/config.toml'): LoadedConfig {
  return resolveConfig({
    flags: [],
    machine: {
      environment: {},
      homeDirectory: '/home/ada',
      workingDirectory: '/',
      parallelism: 2,
      memoryBytes: 8 * 1024 ** 3,
    },
    file: { path, text },
  });
}

const samples = [
  '',
  'folder = "/sites/\\"quoted\\"\\u007f"',
  'listen = ["[::1]:8080", "localhost:0"]\nbot_user = "kbwasm"\n[dns]\nservers = ["9.9.9.9"]',
  '[[mounts]]\nprefix = "/a"\ndirectory = "/x"\n[[mounts]]\nprefix = "/b"\n' +
    'directory = "y"\nwatch = "poll"\n[limits]\ncpu_ms_max = "2 s"\n[log]\ncolor = false',
];

test.each(samples)('what is printed for %j loads as the same configuration', (text) => {
  const loaded = resolve(text);
  const printed = printToml(loaded);
  expect(resolve(printed).config).toEqual(loaded.config);
});

test('comments say where values came from', () => {
  const printed = printToml(resolve('\nthreads = 2'));
  expect(printed).toContain('threads = 2 # /etc/terrafirma/config.toml:2\n');
  expect(printed).toContain('[limits]\nmemory_bytes_max = 134217728 # default\n');
});

test('a line end in the name of the file does not end the comment', () => {
  const loaded = resolve('threads = 2', '/etc/a\nthreads = 3\n/config.toml');
  expect(resolve(printToml(loaded)).config.threads).toBe(2);
});

test('JSON has name, value, origin, variable and flag of every setting', () => {
  const printed: unknown = JSON.parse(printJson(resolve('threads = 2')));
  expect(printed).toMatchObject({
    file: '/etc/terrafirma/config.toml',
    settings: expect.arrayContaining([
      {
        name: 'threads',
        value: 2,
        origin: { kind: 'file', label: '/etc/terrafirma/config.toml:1' },
        variable: 'TERRAFIRMA_THREADS',
        flag: '--threads',
      },
    ]),
  });
});
