import { describe, expect, test } from 'vitest';
import { classifyName, foldName, isServedName, isStaticName } from '../../src/names.ts';

describe('names of modules', () => {
  test.each(['hello.wasm', '_a.wasm', '0', 'a-b_c.d.wasm', 'hello-HOSTNAME.wasm', 'a..b'])(
    '%s is served',
    (name) => expect(classifyName(name)).toBe('served'),
  );

  test.each([
    "hello.conflicted (alice's laptop copy 2019-11-08).wasm",
    'hello.conflicted (unknown copy 2019-11-08).wasm',
    'hello.sync-conflict-20191108-101530-ABCDEFG.wasm',
    'hello.sync-conflict-20191108-101530.wasm',
    "hello (Alice's conflicted copy 2019-11-08).wasm",
    'hello (conflicted copy 2019-11-08 101530).wasm',
    'hello (Case Conflict).wasm',
    'hello (Selective Sync Conflict).wasm',
    'hello (1).wasm',
  ])('%s is a conflict copy', (name) => expect(classifyName(name)).toBe('conflict'));

  test.each([
    '',
    '.',
    '..',
    '.kbfs_status',
    '.syncthing.hello.wasm.tmp',
    '~syncthing~hello.wasm.tmp',
    '.stversions',
    'hello~20191108-101530.wasm',
    '.dropbox',
    'desktop.ini',
    '.hello.wasm.Xy12Zq',
    'hello.wasm~',
    'hello.wasm.partial',
    'hello.wasm.part',
    'hello.wasm.crdownload',
    'hello.wasm.tmp',
    '.nfs0000000000a1',
    '.hello.wasm.swp',
    '~$hello.wasm',
    '._hello.wasm',
    '-rf.wasm',
    'hé.wasm',
    "it's.wasm",
    'a/b.wasm',
    'a\0.wasm',
    'terrafirma.toml',
    'Terrafirma.TOML',
    'a'.repeat(256),
  ])('%s is ignored', (name) => {
    expect(classifyName(name)).toBe('ignored');
    expect(isServedName(name)).toBe(false);
  });
});

describe('names of static files', () => {
  test.each([
    'index.html',
    'my photo (1).jpg',
    'Überblick.pdf',
    '日本語.txt',
    "it's.css",
    '👍.png',
  ])('%s is served', (name) => expect(isStaticName(name)).toBe(true));

  test.each([
    '',
    '.env',
    'a~',
    'HELLO~1.WAS',
    'a/b',
    'a\\b',
    'a.',
    'a ',
    'a\u200d.txt',
    'a\u202etxt.exe',
    'a\n',
    'x.tmp',
    'photo.sync-conflict-20191108-101530-ABCDEFG.jpg',
    'é'.repeat(128),
  ])('%j is not', (name) => expect(isStaticName(name)).toBe(false));

  test('the longest is 255 bytes', () => {
    expect(isStaticName('é'.repeat(127))).toBe(true);
    expect(isStaticName(`${'é'.repeat(127)}a`)).toBe(true);
    expect(isStaticName(`${'é'.repeat(127)}ab`)).toBe(false);
  });

  test.each([
    'hello.wasm',
    'hello.WASM',
    'hello.wa\u017fm',
    'hello.wasm.',
    'hello.wasm. .',
    'hello.wasm::$DATA',
    'hello.WASM:stream',
    'hello.wa\u200csm',
    'hello．wasm',
    'hello.ｗａｓｍ',
  ])('%j is never one: a file system may take it for a module', (name) => {
    expect(foldName(name)).toBe('hello.wasm');
    expect(isStaticName(name)).toBe(false);
  });
});
