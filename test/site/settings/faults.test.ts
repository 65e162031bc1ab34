/** All that is wrong in a settings file is told at once, each with its line. */
import { describe, expect, test } from 'vitest';
import { faultOf as faultOfFastly } from '../fastly/read.ts';
import { faultOf, lines } from './read.ts';

/** The lines that a sentence tells of. */
function linesOf(sentence: string, name: string): readonly number[] {
  const pattern = new RegExp(`${name.replace('.', '\\.')}:(\\d+): `, 'g');
  return [...sentence.matchAll(pattern)].map(([, line]) => Number(line));
}

describe('terrafirma.toml', () => {
  test('tells of wrong keys, values, names and lists, in the order of the file', () => {
    const sentence = faultOf(
      [
        'host_names = ["a b", "good.example", "-"]',
        'enviroment = 1',
        '[env]',
        '"A B" = "x"',
        'GOOD = "x"',
        'C = 1',
        '[backends.a]',
        'port = 1',
        '["a.wasm"]',
        'protocol = "fcgi"',
        'argz = []',
      ].join('\n'),
    );
    expect(sentence).toMatch(/^Cannot run the modules: terrafirma\.toml:1: host_names must be a/);
    expect(linesOf(sentence, 'terrafirma.toml')).toEqual([1, 1, 2, 4, 6, 7, 8, 10, 11]);
    expect(sentence.match(/Cannot run/g)).toHaveLength(1);
  });

  test('tells of all that does not fit together', () => {
    const sentence = faultOf(
      [
        'host_names = ["a.example"]',
        '[site]',
        'canonical_host = "b.example"',
        '[grants]',
        'kv = ["none", "neither"]',
        '["a.wasm"]',
        'config_env = "gone"',
        '["a.wasm".grants]',
        'acls = ["nobody"]',
      ].join('\n'),
    );
    expect(linesOf(sentence, 'terrafirma.toml')).toEqual([3]);
    const named = faultOf(
      ['[grants]', 'kv = ["none", "neither"]', '["a.wasm"]', 'config_env = "gone"'].join('\n'),
    );
    expect(linesOf(named, 'terrafirma.toml')).toEqual([2, 2, 4]);
  });

  test('tells of ten, and that there are more', () => {
    const ten = faultOf(`[env]\n${lines(10, (n) => `A${n} = ${n}`)}`);
    expect(linesOf(ten, 'terrafirma.toml')).toHaveLength(10);
    expect(ten).not.toContain('more');
    const many = faultOf(`[env]\n${lines(30, (n) => `A${n} = ${n}`)}`);
    expect(linesOf(many, 'terrafirma.toml')).toEqual(Array.from({ length: 10 }, (_, n) => n + 2));
    expect(many).toMatch(/; and there is more$/);
  });
});

describe('fastly.toml', () => {
  test('tells of all of its own faults', () => {
    const sentence = faultOfFastly(
      [
        'manifest_version = 4',
        '[local_server]',
        'strange = 1',
        '[local_server.backends.a]',
        'url = "ftp://a"',
        'override_host = "a b"',
        '[local_server.backends.b]',
        '[local_server.config_stores.s]',
        'format = "xml"',
        '[[local_server.kv_stores.n]]',
        'key = "."',
        'data = "x"',
        '[[local_server.kv_stores.n]]',
        'key = "k"',
      ].join('\n'),
    );
    expect(sentence).toMatch(/^Cannot run the module: fastly\.toml:1: manifest_version must be/);
    expect(linesOf(sentence, 'fastly.toml')).toEqual([1, 3, 5, 6, 7, 9, 11, 13]);
  });

  test('tells of all that is wrong in the files that it names', () => {
    const text = [
      '[local_server.acls]',
      'one = "one.json"',
      'two = "two.json"',
      '[[local_server.secret_stores.s]]',
      'key = "k"',
      'file = "secret.bin"',
    ].join('\n');
    const sentence = faultOfFastly(text, {
      'one.json': '{"entries": [\n{"action": "x"},\n{"action": "ALLOW", "prefix": 1}]}',
      'two.json': '{',
      'secret.bin': Buffer.from([0xff]),
    });
    expect(sentence).toMatch(/^Cannot run the module: /);
    expect(linesOf(sentence, 'one.json')).toHaveLength(2);
    expect(linesOf(sentence, 'two.json')).toHaveLength(1);
    expect(sentence).toContain('secret.bin: the secret s.k must be text in UTF-8');
  });

  test('tells of ten files that are wrong, and that there are more', () => {
    const told = (count: number): string => {
      const names = Array.from({ length: count }, (_, n) => `f${n}.json`);
      const rows = names.map((name, n) => `a${n} = "${name}"`).join('\n');
      const files = Object.fromEntries(names.map((name) => [name, '{']));
      return faultOfFastly(`[local_server.acls]\n${rows}`, files);
    };
    expect(told(10).match(/must be JSON/g)).toHaveLength(10);
    expect(told(10)).not.toContain('more');
    expect(told(12).match(/must be JSON/g)).toHaveLength(10);
    expect(told(12)).toMatch(/; and there is more$/);
  });

  test('never tells what may be a secret', () => {
    const sentence = faultOfFastly(
      '[[local_server.secret_stores.s]]\nkey = "k"\ndata = 1\nfile = "hunter2/"\n' +
        '[local_server.fake]\nx = "hunter3"',
    );
    expect(sentence).not.toContain('hunter3');
  });
});
