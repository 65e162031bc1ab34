/**
 * Sealed secrets: text that stands in a folder which others read, and that only the daemon's
 * private key opens. HPKE (RFC 9180) in base mode: X25519, HKDF-SHA256, AES-256-GCM.
 *
 * A text is bound to its folder, module and name: copied to another place it does not open, or a
 * writer of one folder could have the daemon show the secrets of another. It protects from readers,
 * not from writers of the folder: those can deploy a module that prints it.
 */
import { createHash } from 'node:crypto';
import {
  AEAD_AES_256_GCM,
  CipherSuite,
  KDF_HKDF_SHA256,
  KEM_DHKEM_X25519_HKDF_SHA256,
  type Key,
} from 'hpke';

export const sealedPrefix = 'sealed:v1:';
export const secretBytesMax = 8 * 1024;
const keyBytes = 32;
/** Of AES-GCM. */
const tagBytes = 16;
const keyIdDigits = 8;
const sealedPattern = /^sealed:v1:([0-9a-f]{8}):([A-Za-z0-9_-]+)$/;
const info = Buffer.from('terrafirma secret v1');

/** Where a secret stands. */
export interface SecretPlace {
  readonly folderKey: string;
  /** Of the module whose own it is; undefined: the folder's. */
  readonly modulePath: string | undefined;
  /** Undefined: the store `default`. */
  readonly store: string | undefined;
  readonly name: string;
}

export interface SealedText {
  readonly keyId: string;
  readonly bytes: Uint8Array;
}

/** Undefined for what is no sealed text, although it may begin like one. */
export function parseSealed(text: string): SealedText | undefined {
  const [, keyId, encoded] = sealedPattern.exec(text) ?? [];
  if (keyId === undefined || encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, 'base64url');
  const isLength = bytes.length >= keyBytes + tagBytes;
  return isLength && bytes.length <= secretBytesMax + keyBytes + tagBytes
    ? { keyId, bytes }
    : undefined;
}

/** The first 8 hex digits of the public key's SHA-256. */
export function keyIdOf(publicKey: Uint8Array): string {
  return fingerprintOf(publicKey).slice(0, keyIdDigits);
}

/** What people compare: SHA-256 of the public key, hex. */
export function fingerprintOf(publicKey: Uint8Array): string {
  return createHash('sha256').update(publicKey).digest('hex');
}

/** @throws TypeError for what is no public key of X25519. */
export async function seal(
  publicKey: Uint8Array,
  value: Uint8Array,
  place: SecretPlace,
): Promise<string> {
  if (publicKey.length !== keyBytes) throw new TypeError('a public key has 32 bytes');
  const suite = createSuite();
  const key = await suite.DeserializePublicKey(publicKey);
  const { encapsulatedSecret, ciphertext } = await suite.Seal(key, value, {
    info,
    aad: bindingOf(place),
  });
  const bytes = Buffer.concat([encapsulatedSecret, ciphertext]);
  return `${sealedPrefix}${keyIdOf(publicKey)}:${bytes.toString('base64url')}`;
}

/** Undefined when it does not open: another key, another place, or changed bytes. */
export async function open(
  privateKey: Key,
  { bytes }: SealedText,
  place: SecretPlace,
): Promise<Uint8Array | undefined> {
  const enclosed = bytes.subarray(0, keyBytes);
  try {
    return await createSuite().Open(privateKey, enclosed, bytes.subarray(keyBytes), {
      info,
      aad: bindingOf(place),
    });
  } catch {
    // Why is nobody's to know: RFC 9180, section 9.7.
    return undefined;
  }
}

export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
}

export async function makeKeyPair(): Promise<KeyPair> {
  const suite = createSuite();
  const pair = await suite.GenerateKeyPair(true);
  return {
    publicKey: await suite.SerializePublicKey(pair.publicKey),
    privateKey: await suite.SerializePrivateKey(pair.privateKey),
  };
}

export function readPrivateKey(bytes: Uint8Array): Promise<Key> {
  return createSuite().DeserializePrivateKey(bytes);
}

function createSuite(): CipherSuite {
  return new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM);
}

/** Names of stores and secrets hold no slash, and no part holds NUL: no two places are one. */
function bindingOf({ folderKey, modulePath = '', store, name }: SecretPlace): Uint8Array {
  const fullName = store === undefined ? name : `${store}/${name}`;
  return Buffer.from([folderKey, modulePath, fullName].join('\0'));
}
