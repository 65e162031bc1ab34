import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Bases } from '../../../src/deploy/common/bases.ts';
import type { FolderKey, ModulePath } from '../../../src/names.ts';
import { TestFolder } from '../../support/folder.ts';

const folderKey = '/keybase/public/alice' as FolderKey;
const path = 'app.wasm' as ModulePath;
const here = { directory: '/copies/alice', device: 7n };

let state: TestFolder;

beforeEach(() => {
  state = new TestFolder();
});
afterEach(() => state[Symbol.dispose]());

const open = (): Promise<Bases> => Bases.open(state.directory, folderKey);

async function shown(): Promise<Bases> {
  const bases = await open();
  await bases.moveTo(here);
  await bases.raise(path, 3);
  return bases;
}

test('what the copy has shown is known after a restart, and only grows', async () => {
  await (await shown()).raise(path, 2);
  const again = await open();
  await again.moveTo(here);
  expect(again.of(path)).toBe(3);
  // It cannot be looked at now: that says nothing.
  await again.moveTo({ ...here, device: undefined });
  expect(again.of(path)).toBe(3);
});

test.each([
  ['at another place', { ...here, directory: '/copies/older' }],
  ['on another device', { ...here, device: 8n }],
])('a copy %s has shown nothing, now and after a restart', async (_, place) => {
  const bases = await shown();
  const restarted = await open();
  for (const each of [bases, restarted]) {
    expect(each.of(path)).toBe(3);
    await each.moveTo(place);
    expect(each.of(path)).toBe(0);
  }
  const again = await open();
  await again.moveTo(place);
  expect(again.of(path)).toBe(0);
});

test('what an earlier release kept without a device holds for the first that is seen', async () => {
  await shown();
  const [name] = readdirSync(state.path('bases'));
  const kept = JSON.parse(readFileSync(state.path(`bases/${name}`), 'utf8'));
  state.write(`bases/${name}`, JSON.stringify({ ...kept, device: undefined }));
  const upgraded = await open();
  await upgraded.moveTo(here);
  expect(upgraded.of(path)).toBe(3);
  await upgraded.moveTo({ ...here, device: 8n });
  expect(upgraded.of(path)).toBe(0);
});

test('what could not be written down once is written with the next look', async () => {
  const bases = await shown();
  rmSync(state.path('bases'), { recursive: true });
  state.write('bases', 'in the way of the directory');
  await expect(bases.raise(path, 4)).rejects.toThrow();
  rmSync(state.path('bases'));
  await bases.raise(path, 4);
  expect((await open()).of(path)).toBe(4);
});
