import { describe, expect, test } from 'vitest';
import { parseFastlyToml } from '../../../src/site/fastly/fastly-toml.ts';
import { mergeFastly, withPrivate } from '../../../src/site/fastly/merge.ts';
import { couldBeNamed, namedFiles } from '../../../src/site/fastly/named-files.ts';
import { isPrivate } from '../../../src/site/private-files.ts';
import { noSettings } from '../../../src/site/settings.ts';
import { read as readSettings } from '../settings/read.ts';
import { read } from './read.ts';

describe('mergeFastly()', () => {
  test('gives a folder without terrafirma.toml what its fastly.toml says', () => {
    const fastly = read(`
      [local_server.backends.a]
      url = "http://a.example"
      [local_server.kv_stores]
      notes = []
    `);
    const merged = mergeFastly(noSettings, fastly);
    expect([...(merged.backends?.keys() ?? [])]).toEqual(['a']);
    expect(merged.keyValueStores).toEqual(['notes']);
    expect(merged.vendor).toBeUndefined();
    expect(merged.configStores).toBeUndefined();
  });

  test('lets terrafirma.toml win name by name', () => {
    const own = readSettings(`
      [backends.a]
      url = "https://own.example"
      [config.s]
      x = "own"
      [kv.notes]
      [kv.more]
      [geo]
      default_loopback = false
      [geo.addresses."192.0.2.1"]
      city = "Own"
      [devices.UA]
      name = "own"
    `);
    const fastly = read(`
      [local_server.backends.a]
      url = "http://a.example"
      [local_server.backends.b]
      url = "http://b.example"
      [local_server.config_stores.s]
      format = "inline-toml"
      contents = { x = "theirs", y = "theirs" }
      [local_server.kv_stores]
      notes = []
      [local_server.geolocation]
      format = "inline-toml"
      addresses = { "192.0.2.1" = { city = "Theirs" }, "192.0.2.2" = { city = "Theirs" } }
      [local_server.device_detection]
      format = "inline-toml"
      user_agents = { UA = { name = "theirs" } }
    `);
    const merged = mergeFastly(own, fastly);
    expect(merged.backends?.get('a')?.address.host).toBe('own.example');
    expect(merged.backends?.get('b')?.address.host).toBe('b.example');
    expect(merged.configStores?.get('s')).toEqual(new Map([['x', 'own']]));
    expect(merged.keyValueStores).toEqual(['notes', 'more']);
    expect(merged.geo?.defaultLoopback).toBe(false);
    expect(merged.geo?.addresses?.get('192.0.2.1/32')).toBe('{"city":"Own"}');
    expect(merged.geo?.addresses?.get('192.0.2.2/32')).toBe('{"city":"Theirs"}');
    expect(merged.devices?.get('UA')).toBe('{"name":"own"}');
  });
});

describe('files that a fastly.toml names', () => {
  const text = `
    [[local_server.secret_stores.vault]]
    key = "a"
    file = "keys/a.pem"
    [local_server.backends.b]
    url = "https://b"
    ca_certificate = { file = "ca.pem" }
    [local_server.acls]
    c = 'lists/./c.json'
  `;

  test('are private', () => {
    const paths = namedFiles(parseFastlyToml(Buffer.from(text), 1e6));
    expect([...paths].sort()).toEqual(['ca.pem', 'keys/a.pem', 'lists/c.json']);
    const { privateFiles = [] } = withPrivate(noSettings, paths);
    const isClosed = (...segments: string[]) =>
      isPrivate(privateFiles, { segments, isDirectory: false });
    expect([isClosed('keys', 'A.PEM'), isClosed('ca.pem'), isClosed('b.pem')]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test('are so also where the file is wrong', () => {
    expect(couldBeNamed(`${text}\n[[`)).toEqual(
      expect.arrayContaining(['keys/a.pem', 'ca.pem', 'lists/c.json']),
    );
  });
});
