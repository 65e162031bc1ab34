/** What a backup takes of a state directory in which a daemon is at work. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { backUp, restore } from '../../../src/outside/state/backup.ts';

function makePlaces(): Disposable & { readonly state: string; readonly copy: string } {
  const places = mkdtempSync(join(tmpdir(), 'terrafirma-backup-'));
  const state = join(places, 'state');
  mkdirSync(join(state, 'trials'), { recursive: true });
  writeFileSync(join(state, 'node-name'), 'a1b2c3d4');
  writeFileSync(join(state, 'trials', 'one.json'), '{}');
  mkdirSync(join(state, 'forms'));
  writeFileSync(join(state, 'forms', 'one'), 'made anew, and gone at any moment');
  const remove = (): void => rmSync(places, { recursive: true, force: true });
  return { state, copy: join(places, 'copy'), [Symbol.dispose]: remove };
}

async function listen(place: string): Promise<AsyncDisposable> {
  const server = createServer().listen(place);
  await new Promise((resolve) => server.once('listening', resolve));
  return server;
}

test('sockets stay where they are, whatever they are called', async () => {
  using places = makePlaces();
  await using _panel = await listen(join(places.state, 'panel.sock'));
  await using _own = await listen(join(places.state, 'trials', 'mine'));
  expect(backUp(places.state, places.copy).files).toBe(2);
  const again = `${places.copy}-restored`;
  expect(restore(places.copy, again).files).toBe(2);
  expect(readFileSync(join(again, 'node-name'), 'utf8')).toBe('a1b2c3d4');
  expect(existsSync(join(again, 'panel.sock'))).toBe(false);
});

test('one that fails leaves nothing that looks like a backup', () => {
  using places = makePlaces();
  writeFileSync(join(places.state, 'shared.sqlite'), 'no database');
  expect(() => backUp(places.state, places.copy)).toThrow('Cannot back up to');
  expect(existsSync(places.copy)).toBe(false);
  rmSync(join(places.state, 'shared.sqlite'));
  expect(backUp(places.state, places.copy).files).toBe(2);
});

test('the digest of a file of many pieces is that of all of it', () => {
  using places = makePlaces();
  const bytes = Buffer.alloc(2.5 * 1024 * 1024, 'a line of many\n');
  writeFileSync(join(places.state, 'large'), bytes);
  backUp(places.state, places.copy);
  const { files } = JSON.parse(readFileSync(join(places.copy, 'backup.json'), 'utf8'));
  expect(files.large).toBe(createHash('sha256').update(bytes).digest('hex'));
});

test('a restore that fails leaves nothing in the way of the next', () => {
  using places = makePlaces();
  writeFileSync(join(places.state, 'a..b'), 'no way out of the directory');
  writeFileSync(join(places.state, 'trials', 'n'.repeat(250)), 'a long name');
  backUp(places.state, places.copy);
  // So deep that the system takes the short names and not the long one.
  let again = `${places.copy}-restored`;
  while (again.length < 3_860) again = join(again, 'd'.repeat(100));
  expect(() => restore(places.copy, again)).toThrow(/^Cannot restore: ENAMETOOLONG/);
  expect(readdirSync(again)).toEqual([]);
  const shallow = `${places.copy}-shallow`;
  expect(restore(places.copy, shallow).files).toBe(4);
  expect(readFileSync(join(shallow, 'a..b'), 'utf8')).toBe('no way out of the directory');
});

test('a backup that lacks a file, or has another, is not restored', () => {
  using places = makePlaces();
  backUp(places.state, places.copy);
  const again = `${places.copy}-restored`;
  writeFileSync(join(places.copy, 'node-name'), 'another');
  expect(() => restore(places.copy, again)).toThrow('every file must be as it was backed up');
  rmSync(join(places.copy, 'node-name'));
  expect(() => restore(places.copy, again)).toThrow(/^Cannot restore: ENOENT/);
  expect(existsSync(again)).toBe(false);
});
