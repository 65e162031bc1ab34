import { describe, expect, test } from 'vitest';
import {
  canonicalSpelling,
  folderSegments,
  parseFolderPath,
  parseRecord,
  parseTlf,
} from '../../src/names.ts';

describe('a folder path', () => {
  test('has the parts of a Keybase folder', () => {
    expect(parseFolderPath('/keybase/private/Zoe,alice#bot/Sub/x')).toEqual({
      prefix: '/keybase',
      type: 'private',
      tlf: 'Zoe,alice#bot',
      canonicalTlf: 'alice,zoe#bot',
      writers: ['alice', 'zoe'],
      readers: ['bot'],
      subpath: ['Sub', 'x'],
      key: '/keybase/private/alice,zoe#bot/Sub/x',
    });
  });

  test.each([
    ['/keybase/private/songgao,kb_bot/blah', '/keybase/private/kb_bot,songgao/blah'],
    ['/keybase/private/strib#kb_bot/x/', '/keybase/private/strib#kb_bot/x'],
    [
      '/keybase/team/keybase.bots/static.keybase.io',
      '/keybase/team/keybase.bots/static.keybase.io',
    ],
    ['/keybase/public/bob', '/keybase/public/bob'],
    [' /keybase/public/bob/ ', '/keybase/public/bob'],
    ['/keybase/private/b,a,b,a', '/keybase/private/a,b'],
    ['/keybase/private/a,b#b,c,c', '/keybase/private/a,b#c'],
    ['/keybase/private/a#a', '/keybase/private/a'],
    ['/keybase/team/ACME.Web', '/keybase/team/acme.web'],
  ])('%s has the key %s', (text, key) => {
    expect(parseFolderPath(text).key).toBe(key);
  });

  test('under another prefix is an ordinary path', () => {
    const path = parseFolderPath('/shared/alice,bot/My.Site/');
    expect(path).toMatchObject({ prefix: '/shared', type: 'plain', tlf: '', writers: [] });
    expect(path.subpath).toEqual(['alice,bot', 'My.Site']);
    expect(path.key).toBe('/shared/alice,bot/My.Site');
    expect(folderSegments(path)).toEqual(['shared', 'alice,bot', 'My.Site']);
  });

  test('has at most 1024 characters and 32 segments', () => {
    const longest = `/keybase/public/bob/${`${'a'.repeat(199)}/`.repeat(5)}`;
    expect(parseFolderPath(longest + 'a'.repeat(1_024 - longest.length)).type).toBe('public');
    expect(() => parseFolderPath(longest + 'a'.repeat(1_025 - longest.length))).toThrow('1024');
    expect(parseFolderPath(`/keybase/public/bob${'/a'.repeat(29)}`).subpath.length).toBe(29);
    expect(() => parseFolderPath(`/keybase/public/bob${'/a'.repeat(30)}`)).toThrow('32 segments');
  });

  test('has at most 64 members', () => {
    const users = Array.from({ length: 64 }, (_, index) => `u${index}`);
    expect(parseTlf('private', users.join())?.writers.length).toBe(64);
    expect(parseTlf('private', `${users.join()}#r`)).toBeUndefined();
    expect(parseTlf('private', `${users.join()},w`)).toBeUndefined();
  });
});

describe('a record', () => {
  test('is the one value with the key, among others', () => {
    const values = ['v=spf1 -all', ' kbp=/keybase/public/bob ', 'kbp=', 'KBP=/x', 'kbp = /y'];
    expect(parseRecord(values, 'kbp').key).toBe('/keybase/public/bob');
  });

  test('of another key is not looked at', () => {
    const values = ['kbp=/keybase/public/bob', 'tf=/keybase/public/eve'];
    expect(parseRecord(values, 'tf').key).toBe('/keybase/public/eve');
  });

  test('that is missing is named, with an example', () => {
    expect(() => parseRecord(['kbp='], 'kbp', '_keybase_pages.example.com')).toThrow(
      'set _keybase_pages.example.com TXT "kbp=/keybase/private/you,bot/"',
    );
  });

  test('that is missing is told beside what is there', () => {
    expect(() => parseRecord(['v=spf1 -all'], 'kbp')).toThrow('received only "v=spf1 -all"');
  });

  test('that is there twice is refused, with both', () => {
    expect(() => parseRecord(['kbp=/keybase/public/a', 'kbp=/keybase/public/a'], 'kbp')).toThrow(
      'received 2, the first two "/keybase/public/a" and "/keybase/public/a"',
    );
  });
});

describe('canonicalSpelling', () => {
  test.each([
    ['/keybase/private/you,Bot/a/b.wasm', '/keybase/private/bot,you/a/b.wasm'],
    ['/keybase/private/b,a#d,c', '/keybase/private/a,b#c,d'],
    ['/keybase/team/Acme.Web/x', '/keybase/team/acme.web/x'],
    ['/keybase/private/alice@twitter/x', '/keybase/private/alice@twitter/x'],
    ['/srv/private/b,a/x', '/srv/private/b,a/x'],
    ['example.com/x.wasm', 'example.com/x.wasm'],
  ])('%s is %s', (typed, spelled) => {
    expect(canonicalSpelling(typed)).toBe(spelled);
  });
});
