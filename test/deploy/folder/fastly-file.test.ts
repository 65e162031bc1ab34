import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { FolderFastly } from '../../../src/deploy/folder/fastly-file.ts';
import { guardedFs } from '../../support/guarded-fs.ts';
import { Scratch } from '../world.ts';

const timing = { quietMs: 300, pollMs: 1_000, settledAgeMs: 300, hasEvents: false };
const json = '[local_server.config_stores.s]\nformat = "json"\nfile = "data/s.json"';

describe('FolderFastly', () => {
  let scratch: Scratch;
  let outside: Scratch;
  let nowMs: number;

  beforeEach(() => {
    scratch = new Scratch();
    outside = new Scratch();
    nowMs = Date.now() + 7_200_000;
  });
  afterEach(() => {
    scratch[Symbol.dispose]();
    outside[Symbol.dispose]();
  });

  const open = (limits = {}): FolderFastly =>
    new FolderFastly({
      fs: guardedFs(defaultLimits),
      directory: scratch.directory,
      limits: { ...defaultLimits, ...limits },
      variable: () => 'closed',
      isShared: false,
    });
  const write = (name: string, text: string | Uint8Array): void => {
    mkdirSync(scratch.path('data'), { recursive: true });
    writeFileSync(scratch.path(name), text);
  };
  const look = (file: FolderFastly): Promise<number> => {
    nowMs += 1_000;
    return file.look(timing, nowMs);
  };
  const storeOf = ({ state }: FolderFastly): ReadonlyMap<string, string> | undefined =>
    state.kind === 'good' ? state.settings.configStores.get('s') : undefined;
  const faultOf = ({ state }: FolderFastly): string =>
    state.kind === 'broken' ? state.error.message : state.kind;

  test('says that there is none', async () => {
    const file = open();
    expect(file.isKnown).toBe(false);
    await look(file);
    expect([file.isKnown, file.state.kind]).toEqual([true, 'none']);
  });

  test('reads the file and what it names, and reads anew what changes', async () => {
    write('fastly.toml', json);
    write('data/s.json', '{"a": "1"}');
    const file = open();
    expect(await look(file)).toBe(0);
    expect(storeOf(file)).toEqual(new Map([['a', '1']]));
    const { state } = file;
    expect(await look(file)).toBe(0);
    expect(file.state).toBe(state);
    write('data/s.json', '{"a": "22"}');
    await look(file);
    expect(storeOf(file)).toEqual(new Map([['a', '22']]));
    rmSync(scratch.path('fastly.toml'));
    await look(file);
    await look(file);
    expect(file.state.kind).toBe('none');
  });

  test('waits until a file that it names has settled', async () => {
    write('fastly.toml', json);
    write('data/s.json', '{"a": "1"}');
    const file = open();
    nowMs = Date.now();
    expect(await file.look({ ...timing, settledAgeMs: 60_000 }, nowMs)).toBeGreaterThan(0);
    expect(file.state).toMatchObject({ kind: 'unread' });
    expect(await file.look({ ...timing, settledAgeMs: 60_000 }, nowMs + 400)).toBeGreaterThan(0);
    expect(file.state).toMatchObject({ kind: 'unread', paths: ['data/s.json'] });
    expect(await file.look({ ...timing, settledAgeMs: 60_000 }, nowMs + 800)).toBe(0);
    expect(file.state.kind).toBe('good');
  });

  test('is mended by the file that was missing', async () => {
    write('fastly.toml', `\n${json}`);
    const file = open();
    await look(file);
    expect(faultOf(file)).toContain(
      'fastly.toml:4: the file must be there: received "data/s.json"',
    );
    await look(file);
    write('data/s.json', '{"a": "1"}');
    await look(file);
    expect(storeOf(file)?.get('a')).toBe('1');
  });

  test('tells of all files that are missing', async () => {
    write('fastly.toml', '[local_server.acls]\na = "a.json"\nb = "b.json"\nc = "c.json"');
    write('b.json', '{"entries": []}');
    const file = open();
    await look(file);
    expect(faultOf(file)).toMatch(/toml:2: the file must be there: received "a\.json"; fast/);
    expect(faultOf(file)).toMatch(/; fastly\.toml:4: the file must be there: received "c\.json"$/);
    write('c.json', '{"entries": []}');
    await look(file);
    expect(faultOf(file)).not.toContain('c.json');
  });

  test('tells of ten files that are missing, and that there are more', async () => {
    const rows = (count: number): string =>
      Array.from({ length: count }, (_, n) => `a${n} = "${n}.json"`).join('\n');
    write('fastly.toml', `[local_server.acls]\n${rows(12)}`);
    const file = open();
    await look(file);
    expect(faultOf(file).match(/must be there/g)).toHaveLength(10);
    expect(faultOf(file)).toMatch(/; and there is more$/);
    write('fastly.toml', `[local_server.acls]\n${rows(10)}`);
    await look(file);
    expect(faultOf(file)).toMatch(/received "9\.json"$/);
  });

  test('reads nothing that lies elsewhere, whichever way it is named', async () => {
    writeFileSync(outside.path('s.json'), '{"secret": "1"}');
    write('fastly.toml', json);
    symlinkSync(outside.path('s.json'), scratch.path('data', 's.json'));
    const file = open();
    await look(file);
    expect(faultOf(file)).toContain(
      'a file must lie in the folder: received a link that leads out',
    );
    rmSync(scratch.path('data'), { recursive: true });
    symlinkSync(outside.directory, scratch.path('data'));
    await look(file);
    expect(faultOf(file)).toContain('a link that leads out');
    rmSync(scratch.path('data'));
    mkdirSync(scratch.path('data', 's.json'), { recursive: true });
    await look(file);
    expect(faultOf(file)).toContain('it must be a regular file');
  });

  test('follows a link inside the folder', async () => {
    write('fastly.toml', json);
    write('data/real.json', '{"a": "1"}');
    symlinkSync('real.json', scratch.path('data', 's.json'));
    const file = open();
    await look(file);
    expect(storeOf(file)?.get('a')).toBe('1');
  });

  test('is bounded in bytes, and in those of its files together', async () => {
    write('fastly.toml', json);
    write('data/s.json', `{"a": "${'x'.repeat(200)}"}`);
    const file = open({ fastlyFilesBytesMax: 100 });
    await look(file);
    expect(faultOf(file)).toContain('all its files have at most 100 bytes: received more');
    const small = open({ fastlyTomlBytesMax: 10 });
    await look(small);
    expect(faultOf(small)).toContain('fastly.toml: it may have at most 10 bytes');
    // The dearest of this size takes the control plane a tenth of a second.
    write('fastly.toml', `${'a.'.repeat(128 * 1024)}b=1`);
    const dear = open();
    await look(dear);
    expect(faultOf(dear)).toContain('fastly.toml: it may have at most 256 KiB');
  });

  test('names at most a thousand files', async () => {
    const text = (count: number) =>
      Array.from(
        { length: count },
        (_, n) => `[[local_server.kv_stores.s]]\nkey = "k${n}"\nfile = "data/${n}"`,
      ).join('\n');
    for (let n = 0; n <= 1_000; n += 1) write(`data/${n}`, 'x');
    write('fastly.toml', text(1_000));
    const file = open();
    await look(file);
    expect(file.state).toMatchObject({ kind: 'good' });
    write('fastly.toml', text(1_001));
    await look(file);
    expect(faultOf(file)).toContain('the file may name at most 1000 files: received one more');
  });

  test('keeps private what it names, also while it is wrong and after a restart', async () => {
    write('fastly.toml', json);
    write('data/s.json', '{"a": 1}');
    const file = open();
    await look(file);
    expect(file.state).toMatchObject({ kind: 'broken', paths: ['data/s.json'] });
    write('fastly.toml', `${json}\n[[`);
    await look(file);
    expect(file.state).toMatchObject({
      kind: 'broken',
      paths: expect.arrayContaining(['data/s.json']),
    });
    const again = open();
    again.restore(json);
    expect(again.state).toEqual({ kind: 'unread', paths: ['data/s.json'] });
    again.restore(undefined);
    expect(again.state).toEqual({ kind: 'none', paths: [] });
  });

  test('closes what a misspelled table names', async () => {
    const table = '[[local_sever.secret_stores.v]]\nkey = "k"\nfile = ';
    write('fastly.toml', `${table}"data/k.txt"`);
    const file = open();
    await look(file);
    expect(faultOf(file)).toContain('did you mean "local_server"?');
    expect(file.state.paths).toEqual(['k', 'data/k.txt']);
    const { state } = file;
    await look(file);
    expect(file.state).toBe(state);
    write('fastly.toml', `${table}"data/k.txt"\n${table}"data/more.txt"`);
    await look(file);
    expect(file.state.paths).toEqual(['k', 'data/k.txt', 'data/more.txt']);
  });

  describe('what was a secret’s file', () => {
    const secret = (path: string, store = 'v') =>
      `[[local_server.secret_stores.${store}]]\nkey = "k"\nfile = "${path}"\n`;
    const pem = '-----BEGIN CERTIFICATE-----';
    const backend = `
      [local_server.backends.b]
      url = "https://b"
      client_certificate = { certificate = "${pem}", key_file = "data/key.pem" }
    `;

    test('stays closed where the file no longer names it, or has gone', async () => {
      write('fastly.toml', `${secret('data/k.txt')}${backend}${json}`);
      write('data/k.txt', 'hunter2');
      write('data/key.pem', pem);
      write('data/s.json', '{"a": "1"}');
      const file = open();
      await look(file);
      const closed = ['data/k.txt', 'data/key.pem'];
      expect(file.state.paths).toEqual(expect.arrayContaining(['data/s.json', ...closed]));
      write('fastly.toml', 'name = "x"');
      await look(file);
      expect([file.state.kind, [...file.state.paths].sort()]).toEqual(['good', closed]);
      rmSync(scratch.path('fastly.toml'));
      await look(file);
      await look(file);
      expect([file.state.kind, [...file.state.paths].sort()]).toEqual(['none', closed]);
      const { state } = file;
      await look(file);
      expect(file.state).toBe(state);
      const moved = open();
      moved.inherit(file);
      moved.restore(undefined);
      expect([...moved.state.paths].sort()).toEqual(closed);
    });

    test('may lie in a directory that is never served', async () => {
      mkdirSync(scratch.path('.secrets'));
      write('.secrets/k.txt', 'hunter2');
      write('fastly.toml', secret('.secrets/k.txt'));
      const file = open();
      await look(file);
      expect(file.state).toMatchObject({ kind: 'good', paths: ['.secrets/k.txt'] });
    });

    test('is forgotten when a thousand others were named since', async () => {
      const file = open();
      const name = (from: number, count: number) => {
        const texts = Array.from({ length: count }, (_, n) => secret(`data/${from + n}`, 's'));
        file.restore(texts.join(''));
      };
      for (let from = 0; from < 1_000; from += 200) name(from, 200);
      file.restore(undefined);
      expect(file.state.paths).toHaveLength(1_000);
      name(1_000, 1);
      file.restore(undefined);
      expect(file.state.paths).toHaveLength(1_000);
      expect(file.state.paths).not.toContain('data/0');
      expect(file.state.paths).toContain('data/1000');
    });
  });
});
