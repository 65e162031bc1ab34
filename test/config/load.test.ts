import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfig, requireSomethingToServe, searchedFiles } from '../../src/config/load.ts';
import type { Machine } from '../../src/config/schema.ts';
import { TerrafirmaError } from '../../src/errors.ts';

let home: string;

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'terrafirma-config-'));
});

afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

function machine(environment: Record<string, string> = {}): Machine {
  return {
    environment,
    homeDirectory: home,
    workingDirectory: home,
    parallelism: 1,
    memoryBytes: 8 * 1024 ** 3,
  };
}

function write(file: string, text: string): string {
  const full = path.join(home, file);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, text);
  return full;
}

test('the file of --config is read, relative to where the program was started', () => {
  const file = write('my.toml', 'threads = 9');
  const loaded = loadConfig({ flags: [], machine: machine(), configFile: 'my.toml' });
  expect(loaded.file).toBe(file);
  expect(loaded.config.threads).toBe(9);
});

test('TERRAFIRMA_CONFIG names it where --config does not', () => {
  write('my.toml', 'threads = 9');
  const environment = { TERRAFIRMA_CONFIG: 'my.toml' };
  expect(loadConfig({ flags: [], machine: machine(environment) }).config.threads).toBe(9);
});

test('a named file must exist', () => {
  expect(() => loadConfig({ flags: [], machine: machine(), configFile: 'none.toml' })).toThrow(
    /^Cannot read the configuration: .*none\.toml: ENOENT/,
  );
});

test('a directory is no configuration', () => {
  expect(() => loadConfig({ flags: [], machine: machine(), configFile: '.' })).toThrow(/EISDIR/);
});

test('the file of the user is found without being named', () => {
  const file = write('.config/terrafirma/config.toml', 'threads = 8');
  expect(loadConfig({ flags: [], machine: machine() }).file).toBe(file);
});

test('places are searched in the documented order', () => {
  const environment = { XDG_CONFIG_HOME: '/xdg', CONFIGURATION_DIRECTORY: '/etc/unit:/etc/more' };
  expect(searchedFiles(machine(environment))).toEqual([
    '/etc/unit/config.toml',
    '/xdg/terrafirma/config.toml',
    '/etc/terrafirma/config.toml',
  ]);
});

test('a file of more than 1 MiB is refused before it is read', () => {
  const file = write('big.toml', `#${'x'.repeat(1024 * 1024)}`);
  expect(() => loadConfig({ flags: [], machine: machine(), configFile: file })).toThrow(
    'must have at most 1048576 bytes: received 1048577',
  );
});

test('neither folder nor mount: the sentence says what to do', () => {
  const { config } = loadConfig({ flags: [], machine: machine(), configFile: write('c', '') });
  let caught: unknown;
  try {
    requireSomethingToServe(config);
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(TerrafirmaError);
  expect(caught).toMatchObject({
    code: 'usage',
    message: expect.stringContaining('try "terrafirma serve ./folder"'),
  });
});
