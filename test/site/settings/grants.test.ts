import { describe, expect, test } from 'vitest';
import { allowsOrigin, parseOriginRule } from '../../../src/site/settings/grants.ts';
import { grantsFor } from '../../../src/site/settings.ts';
import { faultOf, lines, read } from './read.ts';

const stores = '[kv.notes]\n[config.settings]\n[secrets.vault]\n[acls.office]\n';

describe('[grants]', () => {
  test('of a module come before the folder’s, key by key', () => {
    const settings = read(`${stores}
      [grants]
      outbound = []
      kv = ["notes"]
      files = ["/templates/", "/"]
      ["a.wasm".grants]
      kv = true
      secrets = ["vault", "default"]
      acls = false
    `);
    const folders = { outbound: [], kv: ['notes'], files: ['/templates', '/'] };
    expect(grantsFor(settings, 'b.wasm')).toEqual(folders);
    expect(grantsFor(settings, 'a.wasm')).toEqual({
      ...folders,
      kv: true,
      secrets: ['vault', 'default'],
      acls: false,
    });
    expect(grantsFor(read(''), 'a.wasm')).toEqual({});
  });

  test.each([
    ['kv = ["note"]', 'toml:6: grants.kv must name what stands in the file as [kv.NAME]'],
    ['kv = ["note"]', 'did you mean "notes"?: received "note"'],
    ['backends = ["origin"]', 'grants.backends must name what stands'],
    ['kv = [1]', 'grants.kv must hold names of letters'],
    ['kv = ["a b"]', 'grants.kv must hold names of letters'],
    ['kv = "notes"', 'grants.kv must be a list of names: received a string'],
    ['files = ["templates"]', 'grants.files must hold paths of the folder'],
    ['files = ["/a/../b"]', 'grants.files must hold paths of the folder'],
    ['files = true', 'grants.files must be a list of paths'],
    ['outbound = ["api.example"]', 'grants.outbound must hold origins without a path'],
    ['outbound = ["https://api.example/v1"]', 'received "https://api.example/v1"'],
    ['outbound = ["https://u:pw@api.example"]', 'received "https://api.example"'],
    [`kv = [${'"notes",'.repeat(65)}]`, 'grants.kv may hold at most 64 names: received 65'],
    [`files = [${'"/a",'.repeat(65)}]`, 'grants.files may hold at most 64 paths'],
    [`outbound = [${'"https://a",'.repeat(257)}]`, 'grants.outbound may hold at most 256 origins'],
  ])('%s is refused', (line, fault) => {
    expect(faultOf(`${stores}[grants]\n${line}`)).toContain(fault);
  });

  test('the most that may stand there is taken', () => {
    const text = `outbound = [${lines(256, (n) => `"https://h${n}.example",`)}]`;
    expect(faultOf(`[grants]\n${text}`)).toBe('accepted');
  });
});

describe('parseOriginRule()', () => {
  test.each([
    ['https://api.example.com', { scheme: 'https', host: 'api.example.com', port: 443 }],
    ['HTTP://Api.Example.com', { scheme: 'http', host: 'api.example.com', port: 80 }],
    ['https://*.github.com', { scheme: 'https', host: 'github.com', port: 443, isBelow: true }],
    ['https://a.example:8443', { scheme: 'https', host: 'a.example', port: 8_443 }],
    ['http://[::1]:80', { scheme: 'http', host: '[::1]', port: 80 }],
    ['https://bücher.example', { scheme: 'https', host: 'xn--bcher-kva.example', port: 443 }],
  ])('%s', (text, rule) => {
    expect(parseOriginRule(text)).toEqual({ isBelow: false, ...rule });
  });

  test.each([
    'https://',
    'https://*',
    'https://*.*.example',
    'https://a.*.example',
    'https://*a.example',
    'https://*.1.2.3.4',
    'https://*.[::1]',
    'ftp://a.example',
    'https://a.example/',
    'https://a.example?x',
    'https://a@b.example',
  ])('%s is none', (text) => {
    expect(parseOriginRule(text)).toBeUndefined();
  });
});

describe('allowsOrigin()', () => {
  const rules = ['https://api.example', 'https://*.github.com', 'http://a.example:8080'].flatMap(
    (text) => parseOriginRule(text) ?? [],
  );

  test.each([
    ['https://api.example/any/path?x', true],
    ['https://API.example./', true],
    ['https://api.example:443/', true],
    ['http://api.example/', false],
    ['https://api.example:8443/', false],
    ['https://x.api.example/', false],
    ['https://raw.github.com/', true],
    ['https://a.b.github.com/', true],
    ['https://github.com/', false],
    ['https://evilgithub.com/', false],
    ['https://github.com.evil.example/', false],
    ['http://a.example:8080/', true],
    ['http://a.example/', false],
  ])('%s: %s', (url, isAllowed) => {
    expect(allowsOrigin(rules, new URL(url))).toBe(isAllowed);
  });
});
