import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { ManifestFile } from '../../../src/deploy/folder/manifest-file.ts';
import { guardedFs } from '../../support/guarded-fs.ts';
import { Scratch } from '../world.ts';

const timing = { quietMs: 300, pollMs: 1_000, settledAgeMs: 300, hasEvents: false };
const closed = '{"version":"v1","per_path_configs":{"/":{}}}';
const open = '{"version":"v1","per_path_configs":{"/":{"anonymous_permissions":"read"}}}';

describe('ManifestFile', () => {
  let scratch: Scratch;
  let path: string;
  /** Hours after every file here was written, unless a test says otherwise. */
  const later = Date.now() + 7_200_000;

  beforeEach(() => {
    scratch = new Scratch();
    path = scratch.path('.kbp_config');
  });
  afterEach(() => {
    scratch[Symbol.dispose]();
  });

  const make = (limits: Partial<typeof defaultLimits> = {}) =>
    new ManifestFile({
      fs: guardedFs(defaultLimits),
      directory: scratch.directory,
      limits: { ...defaultLimits, ...limits },
    });

  test('no file: everybody may read, and nothing is awaited', async () => {
    const file = make();
    expect(file.state.kind).toBe('unknown');
    expect(await file.look(timing, later)).toBe(0);
    expect(file.state).toMatchObject({ kind: 'good', manifest: { anonymousRead: true } });
  });

  test('a fresh file is unknown until it has settled', async () => {
    writeFileSync(path, closed);
    const file = make();
    const nowMs = Date.now();
    expect(await file.look(timing, nowMs)).toBeGreaterThan(0);
    expect(file.state.kind).toBe('unknown');
    expect(await file.look(timing, nowMs + 300)).toBe(0);
    expect(file.state).toMatchObject({ kind: 'good', manifest: { anonymousRead: false } });
  });

  test('a changed file takes the place of the one before only when it has settled', async () => {
    writeFileSync(path, closed);
    const file = make();
    await file.look(timing, later);
    writeFileSync(path, open);
    const nowMs = Date.now();
    await file.look(timing, nowMs);
    expect(file.state).toMatchObject({ manifest: { anonymousRead: false } });
    await file.look(timing, nowMs + 300);
    expect(file.state).toMatchObject({ manifest: { anonymousRead: true } });
  });

  test.each([
    ['half of a file', () => writeFileSync(path, closed.slice(0, 20))],
    ['an empty file', () => writeFileSync(path, '')],
    ['a directory', () => mkdirSync(path)],
    ['too much', () => writeFileSync(path, `${closed}${' '.repeat(100)}`)],
  ])('%s is broken, and stays so over a restart', async (_, write) => {
    write();
    const file = make({ manifestBytesMax: 100 });
    await file.look(timing, later);
    expect(file.state).toMatchObject({ kind: 'broken', error: { code: 'bad-manifest' } });
    const restarted = make();
    if (file.state.kind !== 'broken') throw new Error('must be broken');
    restarted.restore(file.state.text);
    expect(restarted.state.kind).toBe('broken');
  });

  test('manifestBytesMax: a file of just that size is read', async () => {
    writeFileSync(path, closed);
    const file = make({ manifestBytesMax: closed.length });
    await file.look(timing, later);
    expect(file.state.kind).toBe('good');
  });

  test('a deleted file counts as gone only at a second look after the quiet time', async () => {
    writeFileSync(path, closed);
    const file = make();
    await file.look(timing, later);
    rmSync(path);
    expect(await file.look(timing, later + 1)).toBe(300);
    expect(file.state).toMatchObject({ manifest: { anonymousRead: false } });
    expect(await file.look(timing, later + 200)).toBe(101);
    expect(await file.look(timing, later + 301)).toBe(0);
    expect(file.state).toMatchObject({ manifest: { anonymousRead: true }, text: undefined });
  });

  test('a file that is back at the second look was never gone', async () => {
    writeFileSync(path, closed);
    const file = make();
    await file.look(timing, later);
    renameSync(path, scratch.path('away'));
    await file.look(timing, later + 1);
    renameSync(scratch.path('away'), path);
    await file.look(timing, later + 100);
    rmSync(path);
    expect(await file.look(timing, later + 301)).toBe(300);
    expect(file.state).toMatchObject({ manifest: { anonymousRead: false } });
  });

  test('an open folder that got rules while the daemon was down waits for them', async () => {
    writeFileSync(path, closed);
    const file = make();
    file.restore(undefined);
    expect(file.state).toMatchObject({ kind: 'good', manifest: { anonymousRead: true } });
    await file.look(timing, Date.now());
    expect(file.state.kind).toBe('unknown');
  });

  test('a closed folder keeps its old rules until the new ones have settled', async () => {
    writeFileSync(path, open);
    const file = make();
    file.restore(closed);
    await file.look(timing, Date.now());
    expect(file.state).toMatchObject({ kind: 'good', manifest: { anonymousRead: false } });
  });

  test('times of another clock do not keep it from being read', async () => {
    writeFileSync(path, closed);
    utimesSync(path, later / 1_000, later / 1_000);
    const file = make();
    const nowMs = Date.now();
    expect(await file.look(timing, nowMs)).toBe(300);
    expect(await file.look(timing, nowMs + 300)).toBe(0);
    expect(file.state.kind).toBe('good');
  });
});
