import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { StateSize } from '../../../src/outside/state/state-size.ts';
import { TestFolder } from '../../support/folder.ts';

const kib = 1_024;
/** Files of whole blocks, whatever the file system's are. */
const large = Buffer.alloc(256 * kib, 1);

function open(folder: TestFolder, entriesMax?: number) {
  const clock = { ms: 0 };
  const options = { directory: folder.directory, nowMs: () => clock.ms };
  const size = new StateSize(entriesMax === undefined ? options : { ...options, entriesMax });
  return { clock, size };
}

test('the files of the state are counted, those of other daemons below it are not', async () => {
  using folder = new TestFolder();
  mkdirSync(folder.path('modules/ab'), { recursive: true });
  mkdirSync(folder.path('local/other'), { recursive: true });
  writeFileSync(folder.path('shared.sqlite'), large);
  writeFileSync(folder.path('modules/ab/x.wasm'), large);
  writeFileSync(folder.path('local/other/shared.sqlite'), large);
  const bytes = await open(folder).size.bytes();
  expect(bytes).toBeGreaterThanOrEqual(2 * large.length);
  expect(bytes).toBeLessThan(2.5 * large.length);
});

test('a figure is told again for a minute', async () => {
  using folder = new TestFolder();
  writeFileSync(folder.path('a'), large);
  const { clock, size } = open(folder);
  const before = await size.bytes();
  writeFileSync(folder.path('b'), large);
  clock.ms = 59_000;
  expect(await size.bytes()).toBe(before);
  clock.ms = 61_000;
  expect(await size.bytes()).toBeGreaterThan(before ?? 0);
});

test('of too many files, and of none, there is no figure but nothing', async () => {
  using folder = new TestFolder();
  for (const name of ['a', 'b', 'c']) writeFileSync(folder.path(name), large);
  expect(await open(folder, 2).size.bytes()).toBeUndefined();
  expect(await open(folder, 3).size.bytes()).toBeGreaterThan(0);
  const { size } = open(folder);
  rmSync(folder.directory, { recursive: true });
  expect(await size.bytes()).toBe(0);
  mkdirSync(folder.directory);
});
