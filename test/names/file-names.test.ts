import { describe, expect, test } from 'vitest';
import {
  classifyName,
  explainName,
  foldName,
  isServedName,
  isStaticName,
  spellingsOf,
} from '../../src/names.ts';

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
    'fastly.json',
    'fastlytoml.txt',
    'pyproject.toml',
    'not-fastly.toml.html',
    'Überblick.pdf',
    '日本語.txt',
    "it's.css",
    '👍.png',
    // Words with joiners and selectors, as keyboards write them.
    'می\u200cخواهم.html',
    'क्\u200dष.txt',
    '👨\u200d👩\u200d👧.png',
    '❤\ufe0f.svg',
    '1\ufe0f\u20e3.txt',
    '葛\u{e0100}.txt',
    '🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}.png',
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
    'index\ufe0f.html',
    '\u200dindex.html',
    'é\u200b.txt',
    'é\u2060.txt',
    '\u{e0067}a.txt',
    'a\u202etxt.exe',
    'a\n',
    'x.tmp',
    'fastly.toml',
    'FASTLY.TOML.BAK',
    'fastly.toml.orig',
    'fastly.toml.2',
    'fastly.toml-old',
    'fastly.toml~',
    '#fastly.toml#',
    'fastly.stage.toml',
    'fastly (1).toml',
    'Copy of fastly.toml',
    'terrafirma copy.toml',
    'terrafirma.toml.bak',
    'ｆastly.toml.bak',
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

describe('spellingsOf()', () => {
  const composed = 'caf\u00e9.txt';
  const decomposed = 'cafe\u0301.txt';

  test('is the name itself where it is ASCII', () => {
    expect(spellingsOf(['a', 'b.txt'])).toEqual([['a', 'b.txt']]);
  });

  test('has the other forms of Unicode behind the one asked for', () => {
    expect(spellingsOf([composed])).toEqual([[composed], [decomposed]]);
    expect(spellingsOf(['d', decomposed])).toEqual([
      ['d', decomposed],
      ['d', composed],
    ]);
  });

  test('has no form that is never served', () => {
    // A Greek semicolon becomes an ASCII one: fine. A Kelvin sign becomes a K.
    expect(spellingsOf(['\u212a.txt']).flat()).toEqual(['\u212a.txt', 'K.txt']);
    // An en quad becomes a space, and no name ends in one.
    expect(spellingsOf(['é\u2000']).flat()).not.toContain('é ');
  });
});

describe('explainName()', () => {
  test.each([
    ['page.html~', /backups/],
    ['film.mp4.part', /unfinished/],
    ['notes.tmp', /unfinished/],
    ['hello.WASM', /name of a module/],
    ['hé.wasm', /name of a module/],
    ['page (conflicted copy).html', /conflict copy/],
    ['page.', /dot or a space/],
    ['a\\b', /backslash/],
    ['fastly.toml.bak', /copy of the settings/],
    ['terrafirma (1).toml', /conflict copy/],
    ['a\u200d.txt', /cannot be seen/],
  ])('%s: %s', (name, reason) => expect(explainName(name)).toMatch(reason));

  test.each(['page.html', 'photo (1).jpg', 'hello.wasm', '.env', 'terrafirma.toml'])(
    '%s: nothing',
    (name) => expect(explainName(name)).toBeUndefined(),
  );
});
