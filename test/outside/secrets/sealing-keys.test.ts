import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { seal } from '../../../src/outside/secrets/sealed.ts';
import { SealingKeys, sealingKeysMax } from '../../../src/outside/secrets/sealing-keys.ts';

const root = mkdtempSync(join(tmpdir(), 'sealing-'));
afterAll(() => rmSync(root, { recursive: true }));
const makeDirectory = () => mkdtempSync(join(root, 'state-'));
const place = { folderKey: '/a', modulePath: undefined, store: undefined, name: 'KEY' };
const value = Buffer.from('hunter2');
const read = async (keys: SealingKeys, text: string) => {
  const opened = await keys.open(text, place);
  return typeof opened === 'string' ? opened : Buffer.from(opened).toString();
};

describe('SealingKeys', () => {
  test('makes the first key when it is asked for, for its user alone', async () => {
    const directory = makeDirectory();
    const keys = new SealingKeys(directory);
    const { id, publicKey } = await keys.newest();
    expect((await keys.newest()).id).toBe(id);
    expect((await new SealingKeys(directory).newest()).publicKey).toEqual(publicKey);
    expect(statSync(join(directory, 'sealing.json')).mode & 0o777).toBe(0o600);
    expect(await read(keys, await seal(publicKey, value, place))).toBe('hunter2');
  });

  test('two that make the first key at once agree', async () => {
    const directory = makeDirectory();
    const made = await Promise.all(
      Array.from({ length: 8 }, () => new SealingKeys(directory).newest()),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
  });

  test('of those who rotate at once nobody loses another’s key', async () => {
    const directory = makeDirectory();
    const first = await new SealingKeys(directory).newest();
    const rotating = Array.from({ length: 8 }, () => new SealingKeys(directory).rotate(false));
    const ends = await Promise.allSettled(rotating);
    const made = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value.id] : []));
    const refused = ends.filter(({ status }) => status === 'rejected');
    const { keys } = JSON.parse(readFileSync(join(directory, 'sealing.json'), 'utf8')) as {
      readonly keys: readonly { readonly id: string }[];
    };
    expect(new Set(keys.map(({ id }) => id))).toEqual(new Set([first.id, ...made]));
    expect(made.length + refused.length).toBe(8);
    for (const end of refused) expect(end).toMatchObject({ reason: { code: 'state' } });
    await expect(new SealingKeys(directory).rotate(false)).resolves.toBeDefined();
  });

  test('who has died while rotating is named by the file that is left', async () => {
    const directory = makeDirectory();
    writeFileSync(join(directory, 'sealing.json.rotating'), '');
    const rotating = new SealingKeys(directory).rotate(false);
    await expect(rotating).rejects.toThrow(/sealing\.json\.rotating.*remove it if nobody is at it/);
  });

  test('a new key seals, the old one opens until it is retired', async () => {
    const directory = makeDirectory();
    const keys = new SealingKeys(directory);
    const old = await keys.newest();
    const text = await seal(old.publicKey, value, place);
    const daemon = new SealingKeys(directory);
    const stamp = await daemon.stamp();
    const next = await keys.rotate(false);
    expect(await daemon.stamp()).not.toBe(stamp);
    expect((await daemon.newest()).id).toBe(next.id);
    expect(await read(daemon, text)).toBe('hunter2');
    await keys.rotate(true);
    expect(await read(daemon, text)).toBe('unknown-key');
    expect(await read(daemon, await seal(next.publicKey, value, place))).toBe('unknown-key');
  });

  test('says why a text does not open', async () => {
    const keys = new SealingKeys(makeDirectory());
    const { publicKey } = await keys.newest();
    expect(await read(keys, 'sealed:v1:zz')).toBe('malformed');
    const moved = await seal(publicKey, value, { ...place, folderKey: '/b' });
    expect(await read(keys, moved)).toBe('other-place');
  });

  test('a file that is none is told, and not its text', async () => {
    const directory = makeDirectory();
    const file = join(directory, 'sealing.json');
    const keys = new SealingKeys(directory);
    for (const text of ['{"hunter2', '{"format":2,"keys":[]}', '{"format":1,"keys":[{}]}']) {
      writeFileSync(file, text);
      const fault = await keys.newest().then(String, String);
      expect(fault).toContain(`${file} must be a file of sealing keys`);
      expect(fault).not.toContain('hunter2');
    }
    writeFileSync(file, 'x'.repeat(64 * 1024 + 1));
    await expect(keys.newest()).rejects.toThrow('must have at most 65536 bytes');
  });

  test('keeps so many keys at most', async () => {
    const directory = makeDirectory();
    const keys = new SealingKeys(directory);
    await keys.newest();
    const file = join(directory, 'sealing.json');
    const { keys: rows } = JSON.parse(readFileSync(file, 'utf8'));
    const many = Array.from({ length: sealingKeysMax }, () => rows[0]);
    writeFileSync(file, JSON.stringify({ format: 1, keys: many }));
    await expect(keys.rotate(false)).rejects.toThrow('may hold 32 keys, retire the old ones');
    await expect(keys.rotate(true)).resolves.toBeDefined();
  });

  test('the operator may name the file', async () => {
    const directory = makeDirectory();
    const file = join(directory, 'credential');
    const { id } = await new SealingKeys('/nowhere', file).newest();
    expect(JSON.parse(readFileSync(file, 'utf8')).keys[0].id).toBe(id);
  });
});
