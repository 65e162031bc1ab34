/** What a folder has under names, and what of it exists for each of its modules. */
import { describe, expect, test } from 'vitest';
import type { FolderKey, ModulePath } from '../../src/names.ts';
import { parseSettings } from '../../src/site/settings.ts';
import { bytes, refusal, text } from './kv/client-bench.ts';
import { useLending } from './lending-bench.ts';

const bench = useLending();

/** What a module of a folder with these settings may reach. */
function open(toml: string) {
  const { thread } = bench.open();
  const siteSettings = parseSettings(Buffer.from(toml), 100_000);
  return (modulePath: string, settings: typeof siteSettings | undefined = siteSettings) =>
    thread.forRun({
      folderKey: '/alice' as FolderKey,
      modulePath: modulePath as ModulePath,
      requestId: 'r1',
      siteSettings: settings,
    });
}

const toml = `
  [config]
  direct = "in the store default"
  [config.settings]
  greeting = "moin"
  empty = ""
  [secrets]
  API_KEY = "of the folder"
  [secrets.vault]
  token = "hunter2"
  [kv.notes]
  [acls.office]
  allow = ["192.0.2.0/24", "2001:db8::/32"]
  deny = ["192.0.2.128/25", "192.0.2.0/24"]
  ["some.wasm".grants]
  config = ["settings"]
  secrets = ["vault"]
  kv = []
  acls = ["office"]
  ["none.wasm".grants]
  config = false
  secrets = false
  kv = false
  acls = false
  ["own.wasm".secrets]
  API_KEY = "of the module"
`;

describe('config stores', () => {
  test('are those of the folder, where nothing is said of grants', () => {
    const { config } = open(toml)('a.wasm');
    expect(config.open('settings')?.get('greeting')).toBe('moin');
    expect(config.open('settings')?.get('empty')).toBe('');
    expect(config.open('settings')?.get('absent')).toBeUndefined();
    expect(config.open('settings')?.keys).toEqual(['greeting', 'empty']);
    expect(config.open('default')?.get('direct')).toBe('in the store default');
    expect(config.open('other')).toBeUndefined();
    expect(config.open('__proto__')).toBeUndefined();
  });

  test('do not exist where they are not granted', () => {
    const run = open(toml);
    expect(run('some.wasm').config.open('settings')).toBeDefined();
    expect(run('some.wasm').config.open('default')).toBeUndefined();
    expect(run('none.wasm').config.open('settings')).toBeUndefined();
  });

  test('are none in a folder without settings', () => {
    const { thread } = bench.open();
    const alone = { folderKey: '/a' as FolderKey, modulePath: 'a.wasm' as ModulePath };
    const run = thread.forRun({ ...alone, requestId: 'r1' });
    expect(run.config.open('default')).toBeUndefined();
    expect(run.secrets.open('default')).toBeUndefined();
    expect(run.acls.open('office')).toBeUndefined();
  });
});

describe('secret stores', () => {
  test('give the plain bytes, a copy each time', () => {
    const { secrets } = open(toml)('a.wasm');
    const token = secrets.open('vault')?.get('token');
    expect(text(token)).toBe('hunter2');
    token?.fill(0);
    expect(text(secrets.open('vault')?.get('token'))).toBe('hunter2');
    expect(secrets.open('vault')?.get('absent')).toBeUndefined();
  });

  test('of a module are over those of its folder, for it alone', () => {
    const run = open(toml);
    expect(text(run('own.wasm').secrets.open('default')?.get('API_KEY'))).toBe('of the module');
    expect(text(run('a.wasm').secrets.open('default')?.get('API_KEY'))).toBe('of the folder');
  });

  test('do not exist where they are not granted', () => {
    const run = open(toml);
    expect(run('some.wasm').secrets.open('vault')).toBeDefined();
    expect(run('some.wasm').secrets.open('default')).toBeUndefined();
    expect(run('none.wasm').secrets.open('vault')).toBeUndefined();
  });
});

describe('key-value stores', () => {
  test('exist by name where they are granted', () => {
    const run = open(toml);
    expect(run('a.wasm').keyValue.named('notes')).toBeDefined();
    expect(run('a.wasm').keyValue.named('other')).toBeUndefined();
    expect(run('some.wasm').keyValue.named('notes')).toBeUndefined();
  });

  test('of a module’s own are there unless it is granted none at all', async () => {
    const run = open(toml);
    expect(await run('some.wasm').keyValue.insert(bytes('k'), bytes('v'))).toBe(true);
    const { keyValue } = run('none.wasm');
    const why = refusal('forbidden', /must be granted/);
    await expect(keyValue.insert(bytes('k'), bytes('v'))).rejects.toMatchObject(why);
    await expect(keyValue.get(bytes('k'))).rejects.toMatchObject(why);
    await expect(keyValue.remove(bytes('k'))).rejects.toMatchObject(why);
  });
});

describe('lists of addresses', () => {
  test('say which of their prefixes is the longest', () => {
    const office = open(toml)('some.wasm').acls.open('office');
    const lookup = (...address: number[]) => office?.lookup(Uint8Array.from(address));
    expect(lookup(192, 0, 2, 200)).toEqual({ prefix: '192.0.2.128/25', action: 'deny' });
    expect(lookup(198, 51, 100, 1)).toBeUndefined();
    expect(lookup(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)).toEqual({
      prefix: '2001:db8::/32',
      action: 'allow',
    });
  });

  test('keep out what stands in both with the same prefix', () => {
    const office = open(toml)('a.wasm').acls.open('office');
    expect(office?.lookup(Uint8Array.of(192, 0, 2, 1))?.action).toBe('deny');
  });

  test('take an IPv4 client of a dual-stack socket for what it is', () => {
    const office = open(toml)('a.wasm').acls.open('office');
    const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 200);
    expect(office?.lookup(mapped)?.prefix).toBe('192.0.2.128/25');
  });

  test('do not exist where they are not granted', () => {
    expect(open(toml)('none.wasm').acls.open('office')).toBeUndefined();
  });
});
