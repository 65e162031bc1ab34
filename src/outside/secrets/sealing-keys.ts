/**
 * Edge: the file with the private keys that open sealed secrets: `sealing.json` of the state
 * directory (0600), or the one that the operator names, the same on all machines of a site. The
 * newest key seals; older ones open until they are retired. It is read again when it changes.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Key } from 'hpke';
import { describeError, TerrafirmaError } from '../../errors.ts';
import { fileErrorCode, linkDurably, writeDurably } from '../state/durable.ts';
import {
  keyIdOf,
  makeKeyPair,
  open,
  parseSealed,
  readPrivateKey,
  type SecretPlace,
} from './sealed.ts';

const fileName = 'sealing.json';
const fileBytesMax = 64 * 1024;
export const sealingKeysMax = 32;

interface SealingKey {
  readonly id: string;
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
  readonly madeAt: string;
}

/** What seals, for those who seal. */
export interface PublicSealingKey {
  readonly id: string;
  readonly publicKey: Uint8Array;
}

/** Why a secret does not open: said to the owner. */
export type Unopened = 'malformed' | 'unknown-key' | 'other-place';

export class SealingKeys {
  readonly #path: string;
  #stamp: string | undefined;
  #keys: readonly SealingKey[] = [];
  #opened = new Map<string, Promise<Key>>();

  /** @param keyFile The operator's own; undefined: that of the state directory. */
  constructor(stateDirectory: string, keyFile?: string) {
    this.#path = keyFile ?? join(stateDirectory, fileName);
  }

  /** Changes with the file: what did not open may open now, and the other way round. */
  async stamp(): Promise<string> {
    await this.#read();
    return this.#stamp ?? '';
  }

  /**
   * The newest key; the first one is made when it is asked for.
   *
   * @throws TerrafirmaError `state`.
   */
  async newest(): Promise<PublicSealingKey> {
    await this.#read();
    if (this.#keys.length === 0) await this.#makeFirst();
    const newest = this.#keys.at(-1);
    if (newest === undefined) throw this.#fault('must hold a key: received none');
    return { id: newest.id, publicKey: newest.publicKey };
  }

  /**
   * Adds a key, which seals from now on.
   *
   * @param retires Whether the older ones open nothing any more.
   * @throws TerrafirmaError `state`, also while somebody else does so.
   */
  async rotate(retires: boolean): Promise<PublicSealingKey> {
    const mark = `${this.#path}.rotating`;
    await this.#claim(mark);
    try {
      return await this.#addKey(retires);
    } finally {
      await unlink(mark);
    }
  }

  /** Of two who wrote at once one would lose a key with which somebody may have sealed already. */
  async #claim(mark: string): Promise<void> {
    try {
      await writeFile(mark, '', { flag: 'wx', mode: 0o600 });
    } catch (error) {
      const isThere = fileErrorCode(error) === 'EEXIST';
      const rule = isThere
        ? `must be rotated by one at a time: received ${mark}; remove it if nobody is at it`
        : `must be in a directory that can be written: received ${describeError(error)}`;
      throw this.#fault(rule, error);
    }
  }

  async #addKey(retires: boolean): Promise<PublicSealingKey> {
    await this.#read();
    const kept = retires ? [] : this.#keys;
    if (kept.length >= sealingKeysMax) {
      throw this.#fault(`may hold ${sealingKeysMax} keys, retire the old ones: received one more`);
    }
    const made = await makeKey();
    await this.#write([...kept, made], writeDurably);
    return made;
  }

  /** Opens one text; a word says why not. @throws TerrafirmaError `state`. */
  async open(text: string, place: SecretPlace): Promise<Uint8Array | Unopened> {
    await this.#read();
    const sealed = parseSealed(text);
    if (sealed === undefined) return 'malformed';
    const key = this.#keys.find(({ id }) => id === sealed.keyId);
    if (key === undefined) return 'unknown-key';
    const privateKey = this.#opened.get(key.id) ?? readPrivateKey(key.privateKey);
    this.#opened.set(key.id, privateKey);
    return (await open(await privateKey, sealed, place)) ?? 'other-place';
  }

  /** Two daemons on one file: whoever links first has made the key. */
  async #makeFirst(): Promise<void> {
    const made = await makeKey();
    try {
      await this.#write([made], linkDurably);
    } catch (error) {
      if (!(error instanceof TerrafirmaError) || fileErrorCode(error.cause) !== 'EEXIST')
        throw error;
    }
    await this.#read();
  }

  async #write(
    keys: readonly SealingKey[],
    write: (path: string, text: string) => Promise<void>,
  ): Promise<void> {
    const rows = keys.map(({ id, privateKey, madeAt }) => ({
      id,
      madeAt,
      privateKey: Buffer.from(privateKey).toString('base64url'),
    }));
    try {
      await write(this.#path, `${JSON.stringify({ format: 1, keys: rows }, undefined, 2)}\n`);
    } catch (error) {
      throw this.#fault(
        `must be a file that can be written: received ${describeError(error)}`,
        error,
      );
    }
    await this.#read();
  }

  async #read(): Promise<void> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#path);
      const stamp = `${mtimeMs} ${size} ${ino}`;
      if (stamp === this.#stamp) return;
      if (size > fileBytesMax)
        throw this.#fault(`must have at most ${fileBytesMax} bytes: received ${size}`);
      this.#keys = this.#parse(await readFile(this.#path, 'utf8'));
      this.#opened = new Map();
      this.#stamp = stamp;
    } catch (error) {
      if (error instanceof TerrafirmaError) throw error;
      if (fileErrorCode(error) !== 'ENOENT') {
        throw this.#fault(
          `must be a file that can be read: received ${describeError(error)}`,
          error,
        );
      }
      this.#keys = [];
      this.#stamp = undefined;
    }
  }

  /** The text is told nowhere. */
  #parse(text: string): readonly SealingKey[] {
    try {
      const { format, keys } = JSON.parse(text) as { format: unknown; keys: unknown };
      if (format !== 1 || !Array.isArray(keys) || keys.length > sealingKeysMax)
        throw new TypeError();
      return keys.map(parseKey);
    } catch {
      throw this.#fault('must be a file of sealing keys: received something else');
    }
  }

  #fault(rule: string, cause?: unknown): TerrafirmaError {
    const detail = `Cannot use the sealing keys: ${this.#path} ${rule}`;
    return new TerrafirmaError('state', detail, { cause });
  }
}

async function makeKey(): Promise<SealingKey> {
  const { publicKey, privateKey } = await makeKeyPair();
  return { id: keyIdOf(publicKey), publicKey, privateKey, madeAt: new Date().toISOString() };
}

/** @throws TypeError */
function parseKey(row: unknown): SealingKey {
  const { privateKey: encoded, madeAt } = row as Record<string, unknown>;
  if (typeof encoded !== 'string' || typeof madeAt !== 'string') throw new TypeError();
  const privateKey = Buffer.from(encoded, 'base64url');
  const publicKey = publicKeyOf(privateKey);
  return { id: keyIdOf(publicKey), publicKey, privateKey, madeAt };
}

/** Not from the file: an id that belongs to another key would be a riddle. */
function publicKeyOf(privateKey: Buffer): Uint8Array {
  const head = Buffer.from('302e020100300506032b656e04220420', 'hex');
  const der = Buffer.concat([head, privateKey]);
  const key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  const { x = '' } = key.export({ format: 'jwk' });
  return Buffer.from(x, 'base64url');
}
