import { describe, expect, test } from 'vitest';
import { lines } from '../settings/read.ts';
import { faultOf, read } from './read.ts';

describe('parseFastlyToml()', () => {
  test('takes what the vendor’s own tools take', () => {
    const settings = read(`
      manifest_version = 3
      name = "app"
      authors = ["me"]
      [scripts]
      build = "cargo build"
      [setup.backends.origin]
      address = "example.com"
      [setup.secret_stores.vault.entries.key]
      description = "a key"
      [env]
      API = "1"
      [local_server]
      viceroy_version = "0.16.5"
      [local_server.pushpin]
      enable = true
      [local_server.config_stores.settings]
      format = "inline-toml"
      [local_server.config_stores.settings.contents]
      greeting = "moin"
    `);
    expect(settings.configStores).toEqual(new Map([['settings', new Map([['greeting', 'moin']])]]));
  });

  test('needs no [local_server]', () => {
    const { seeds, backends, secretStores } = read('name = "app"');
    expect([seeds.size, backends.size, secretStores.size]).toEqual([0, 0, 0]);
  });

  test.each([
    [
      'manifest_version = 4',
      'fastly.toml:1: manifest_version must be a whole number of at most 3: received 4',
    ],
    [
      'manifest_version = "1"',
      'fastly.toml:1: manifest_version must be a whole number of at most 3: received a string',
    ],
    ['manifest_version = 3\n\n[local_server.backend.a]\nurl = "http://a"', 'fastly.toml:3: '],
    ['[local_server]\n\n[local_server.backend.a]\nurl = "http://a"', 'did you mean "backends"?'],
    [
      'name = "x"\n[[local_sever.secret_stores.v]]\nkey = "k"\nfile = "secrets/k.txt"',
      'fastly.toml:2: no table may look like [local_server]; did you mean "local_server"?',
    ],
    ['[Local-Server.acls]\na = "a.json"', 'did you mean "local_server"?: received "Local-Server"'],
    ['[localserver]', 'did you mean "local_server"?'],
    [
      '[[secret_stores.v]]\nkey = "k"\nfile = "k.txt"',
      'did you mean "local_server.secret_stores"?: received "secret_stores"',
    ],
    ['[local_server.backends.a]\nurl = "http://a"\nhostt = 1', 'fastly.toml:3: '],
    [
      '[local_server.dictionaries]\n[local_server.config_stores]',
      'dictionaries must not stand beside config_stores, another name of the same table',
    ],
    ['[local_server', 'fastly.toml:1: must be TOML: received a text that is not, at column 2'],
    [
      '[local_server.backends.a]\nurl = http://a',
      'fastly.toml:2: must be TOML: received a text that is not, at column 7',
    ],
  ])('%s is refused', (text, sentence) => {
    expect(faultOf(text)).toContain(sentence);
  });

  test('is bounded in stores and entries', () => {
    const stores = lines(65, (n) => `[local_server.kv_stores]\ns${n} = []`).replaceAll(
      /\n\[local_server.kv_stores\]/g,
      '',
    );
    expect(faultOf(stores)).toContain('may hold at most 64 stores: received 65');
    const secrets = lines(
      257,
      (n) => `[[local_server.secret_stores.s]]\nkey = "k${n}"\ndata = "x"`,
    );
    expect(faultOf(secrets)).toContain('may hold at most 256 secrets: received 257');
  });
});
