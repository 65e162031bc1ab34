import { describe, expect, test } from 'vitest';
import { faultOf, lines, read } from './read.ts';

describe('stores', () => {
  test('text at the top belongs to the store "default"', () => {
    const { configStores, secretStores } = read(`
      [config]
      a = "1"
      [config.settings]
      greeting = "moin"
      [secrets]
      KEY = "sealed:v1:x"
      [secrets.default]
      OTHER = "plain"
      [secrets.vault]
      token = "t"
    `);
    expect(configStores).toEqual(
      new Map([
        ['settings', new Map([['greeting', 'moin']])],
        ['default', new Map([['a', '1']])],
      ]),
    );
    const own = new Map([
      ['KEY', 'sealed:v1:x'],
      ['OTHER', 'plain'],
    ]);
    expect(secretStores?.get('default')).toEqual(own);
    expect(secretStores?.get('vault')).toEqual(new Map([['token', 't']]));
  });

  test('key-value stores, lists of addresses and the config of the environment', () => {
    const settings = read(`
      config_env = "settings"
      [config.settings]
      [kv.notes]
      [kv.more]
      [acls.office]
      allow = ["192.0.2.0/24", "2001:db8::1"]
      deny = ["192.0.2.7/32"]
    `);
    expect(settings.general.configEnv).toBe('settings');
    expect(settings.keyValueStores).toEqual(['notes', 'more']);
    expect(settings.acls?.get('office')).toEqual({
      allow: ['192.0.2.0/24', '2001:db8::1/128'],
      deny: ['192.0.2.7/32'],
    });
  });

  test.each([
    ['[config]\na = 1', 'toml:2: config.a must be a table: received a number'],
    ['[config.s]\na = 1', 'toml:2: config.s.a must be a string: received a number'],
    ['[secrets]\na = "1"\n[secrets.default]\na = "2"', 'secrets.a must stand once'],
    ['[secrets.v]\n"a b" = "1"', 'names of secrets in secrets.v must be letters'],
    ['[secrets.v]\na = "\\u0000"', 'secrets.v.a must not hold NUL'],
    ['[kv]\nnotes = 1', 'kv.notes must be a table'],
    ['[kv.notes]\nsize = 1', 'toml:2: kv.notes must be an empty table: received "size"'],
    ['[acls.a]\nallow = ["192.0.2.0/33"]', 'acls.a.allow must be a network such as'],
    ['[acls.a]\nblock = []', 'acls.a may hold only allow, deny'],
    ['config_env = "settings"', 'config_env must name what stands in the file as [config.NAME]'],
    ['["a.wasm"]\nconfig_env = "x"', '"a.wasm".config_env must name what stands'],
  ])('%j is refused', (text, fault) => {
    expect(faultOf(text)).toContain(fault);
  });

  test('a value that is too long, and too many', () => {
    const secret = (bytes: number) => `[secrets.v]\na = "${'x'.repeat(bytes)}"`;
    expect(faultOf(secret(12 * 1024))).toBe('accepted');
    expect(faultOf(secret(12 * 1024 + 1))).toContain('secrets.v.a must have at most 12288 bytes');
    const config = (bytes: number) => `[config.s]\na = "${'x'.repeat(bytes)}"`;
    expect(faultOf(config(8_000))).toBe('accepted');
    expect(faultOf(config(8_001))).toContain('config.s.a must have at most 8000 bytes');
    const entries = (count: number) => `[config.s]\n${lines(count, (n) => `k${n} = ""`)}`;
    expect(faultOf(entries(1_000))).toBe('accepted');
    expect(faultOf(entries(1_001))).toContain('config.s may hold at most 1000 values');
    for (const table of ['config', 'kv', 'acls']) {
      const stores = (count: number) => lines(count, (n) => `[${table}.s${n}]`);
      expect(faultOf(stores(32))).toBe('accepted');
      expect(faultOf(stores(33))).toContain(`${table} may hold at most 32`);
    }
    const networks = (count: number) => `[acls.a]\nallow = [${'"::1",'.repeat(count)}]`;
    expect(faultOf(networks(1_000))).toBe('accepted');
    expect(faultOf(networks(1_001))).toContain('acls.a.allow may hold at most 1000 networks');
  });

  test('a folder has at most 64 secrets, wherever they stand', () => {
    const secrets = (count: number) => lines(count, (n) => `k${n} = ""`);
    const text = (count: number) =>
      `[secrets.v]\n${secrets(32)}\n["a.wasm".secrets]\n${secrets(count)}`;
    expect(faultOf(text(32))).toBe('accepted');
    expect(faultOf(text(33))).toContain('a folder may have at most 64 secrets: received 65');
  });

  test('a value is told nowhere', () => {
    expect(faultOf('[secrets]\nA = ["hunter2"]')).not.toContain('hunter2');
    expect(faultOf('[secrets]\nA = "hunter2"\n[secrets.default]\nA = "hunter2"')).not.toContain(
      'hunter2',
    );
  });
});
