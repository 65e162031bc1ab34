import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { renderConfigFiles } from '../../scripts/config-files.ts';
import { resolveConfig } from '../../src/config/resolve.ts';

const root = path.join(import.meta.dirname, '..', '..');
const rendered = renderConfigFiles();

/** JSON is compared by content: the formatter of the repository breaks its lines. */
function comparable(file: string, text: string): unknown {
  return file.endsWith('.json') ? JSON.parse(text) : text;
}

test.each([...rendered])('%s is what scripts/config-files.ts writes', (file, text) => {
  const written = readFileSync(path.join(root, file), 'utf8');
  expect(comparable(file, written)).toEqual(comparable(file, text));
});

test('the sample means the defaults, with and without the # before its settings', () => {
  const machine = {
    environment: {},
    homeDirectory: '/home/you',
    workingDirectory: '/',
    parallelism: 4,
    memoryBytes: 8 * 1024 ** 3,
  };
  const sample = rendered.get('config/terrafirma.toml') ?? '';
  const bare = sample
    .replace(/^# (\w+ = (?!"").*)$/gm, '$1')
    .replace(/^# \[\[mounts\]\][\s\S]*$/m, '')
    .replace(/^(prefix|directory|watch) = .*$/gm, '');
  expect(bare).toContain('\ncpu_ms_max = 1000\n');
  const file = (text: string) => ({ path: '/etc/terrafirma/config.toml', text });
  const defaults = resolveConfig({ flags: [], machine, file: undefined }).config;
  expect(resolveConfig({ flags: [], machine, file: file(sample) }).config).toEqual(defaults);
  expect(resolveConfig({ flags: [], machine, file: file(bare) }).config).toEqual(defaults);
});
