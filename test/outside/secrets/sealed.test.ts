import { describe, expect, test } from 'vitest';
import {
  fingerprintOf,
  keyIdOf,
  makeKeyPair,
  open,
  parseSealed,
  readPrivateKey,
  type SecretPlace,
  seal,
  secretBytesMax,
} from '../../../src/outside/secrets/sealed.ts';

const place: SecretPlace = {
  folderKey: '/keybase/private/alice,bot',
  modulePath: undefined,
  store: undefined,
  name: 'API_KEY',
};
const value = Buffer.from('hunter2');

async function openAt(text: string, at: SecretPlace, privateKey: Uint8Array) {
  const sealed = parseSealed(text);
  if (sealed === undefined) return 'malformed';
  const opened = await open(await readPrivateKey(privateKey), sealed, at);
  return opened && Buffer.from(opened).toString();
}

describe('a sealed secret', () => {
  test('opens with its key at its place', async () => {
    const { publicKey, privateKey } = await makeKeyPair();
    const text = await seal(publicKey, value, place);
    expect(text).toMatch(/^sealed:v1:[0-9a-f]{8}:[A-Za-z0-9_-]+$/);
    expect(text).toContain(`:${keyIdOf(publicKey)}:`);
    expect(fingerprintOf(publicKey).startsWith(keyIdOf(publicKey))).toBe(true);
    expect(await openAt(text, place, privateKey)).toBe('hunter2');
    expect(await seal(publicKey, value, place)).not.toBe(text);
  });

  test.each([
    { folderKey: '/keybase/private/mallory,bot' },
    { modulePath: 'a.wasm' },
    { store: 'vault' },
    { name: 'API_KEY2' },
    { name: 'KEY', store: 'API_' },
    { folderKey: '/keybase/private/alice,bot\0', modulePath: 'API_KEY', name: '' },
  ])('does not open at another place: %j', async (moved) => {
    const { publicKey, privateKey } = await makeKeyPair();
    const text = await seal(publicKey, value, place);
    expect(await openAt(text, { ...place, ...moved }, privateKey)).toBeUndefined();
  });

  test('does not open with another key, or changed', async () => {
    const { publicKey, privateKey } = await makeKeyPair();
    const text = await seal(publicKey, value, place);
    const other = await makeKeyPair();
    expect(await openAt(text, place, other.privateKey)).toBeUndefined();
    const at = text.length - 10;
    const changed = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
    expect(await openAt(changed, place, privateKey)).toBeUndefined();
  });

  test('may have 8 KiB', async () => {
    const { publicKey, privateKey } = await makeKeyPair();
    const largest = await seal(publicKey, Buffer.alloc(secretBytesMax, 'x'), place);
    expect(await openAt(largest, place, privateKey)).toHaveLength(secretBytesMax);
    const larger = await seal(publicKey, Buffer.alloc(secretBytesMax + 1, 'x'), place);
    expect(parseSealed(larger)).toBeUndefined();
  });

  test.each(['sealed:v1:', 'sealed:v1:00000000:', 'sealed:v1:00000000:AAAA', 'sealed:v2:0:A', 'x'])(
    '%s is none',
    (text) => {
      expect(parseSealed(text)).toBeUndefined();
    },
  );

  test('is refused with a public key of another size', async () => {
    await expect(seal(Buffer.alloc(31), value, place)).rejects.toThrow('32 bytes');
  });
});
