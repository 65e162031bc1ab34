import { describe, expect, test } from 'vitest';
import { noSettings } from '../../../src/site/settings.ts';
import { faultOf, read } from './read.ts';

describe('a settings file', () => {
  test('that is empty is as none', () => {
    expect(read('')).toEqual(noSettings);
    expect(Object.keys(read(''))).toEqual(['general', 'modules']);
  });

  test('may hold tables of other programs', () => {
    expect(read('[x-tool]\nanything = [1, { a = 2 }]\n[x-b.wasm]\nc = 1')).toEqual(noSettings);
    // What ends like a module is one.
    expect(faultOf('["x-a.wasm"]\nb = 1')).toContain('"x-a.wasm" may hold only');
    expect(faultOf('[limits]\nx-a = 1')).toContain('limits may hold only');
    expect(faultOf('xtool = 1')).toContain('the file may hold only');
  });

  test.each([
    ['[redirect]', 'terrafirma.toml:1: the file may hold only', 'did you mean "redirects"?'],
    ['\n\n[site]\nclean_url = true', 'toml:4: site may hold only', 'did you mean "clean_urls"?'],
    ['[limits]\ncpu = 1', 'toml:2: limits may hold only', 'received "cpu"'],
    ['["a.wasm".limit]', 'toml:1: "a.wasm" may hold only', 'did you mean "limits"?'],
    ['[cors]', 'toml:1: cors must have "allow_origins"', 'received none'],
    ['site = 1979-05-27', 'toml:1: site must be a table', 'received a date'],
    ['[[site]]', 'toml:1: site must be a table', 'received a list'],
    ['[cron]', 'toml:1: cron must be a list of entries', 'received a table'],
    ['[kv.a]\n[[routes]]\n[[routes]]\npath = 1', 'toml:2: routes must have "path"', 'none'],
    [
      '[[routes]]\npath = "/"\nmodule = "a.wasm"\n[[routes]]\npath = 1',
      'toml:5: routes.path',
      'received a number',
    ],
    ['redirects = [\n  { from = "/a", to = "b" },\n]', 'toml:1: redirects.to must begin', '"b"'],
  ])('%j names its line and what would be right', (text, place, hint) => {
    expect(faultOf(text)).toContain(place);
    expect(faultOf(text)).toContain(hint);
  });
});
