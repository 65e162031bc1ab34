/**
 * A store whose values nobody reads who has the engine alone: they are sealed before they leave
 * this process (AES-256-GCM), each bound to its space and key, so that none can be put in another's
 * place. Keys and expiry are not hidden.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  type Blobs,
  type ChangeResult,
  type CommitResult,
  type Entry,
  type ListedKey,
  type ListOptions,
  type Notice,
  type ReadOptions,
  type SharedStore,
  type Space,
  StoreError,
  type Watch,
  type Write,
  type WriteOptions,
} from './contract.ts';

const cipherName = 'aes-256-gcm';
const keyBytes = 32;
export const nonceBytes = 12;
const tagBytes = 16;
const keysMax = 2;

/**
 * The keys of a file, a line each in hexadecimal: the first seals, the second may have sealed
 * earlier. Rejects with StoreError `refused`.
 */
export async function readSealKeys(file: string): Promise<readonly Buffer[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw refused('cluster.seal_key_file must be a readable file', reason);
  });
  return parseSealKeys(text);
}

/** @throws StoreError `refused` */
export function parseSealKeys(text: string): readonly Buffer[] {
  const lines = text.split('\n').map((line) => line.trim());
  const keys = lines.filter((line) => line !== '').map((line) => Buffer.from(line, 'hex'));
  const isGood = keys.length > 0 && keys.length <= keysMax;
  if (isGood && keys.every(({ byteLength }) => byteLength === keyBytes)) return keys;
  const rule = 'cluster.seal_key_file must hold one or two lines of 64 hexadecimal digits';
  throw refused(rule, 'something else; "openssl rand -hex 32" makes a key');
}

export class SealingStore implements SharedStore {
  readonly #store: SharedStore;
  readonly #keys: readonly Buffer[];

  /** @param keys The first seals, all of them open. */
  constructor(store: SharedStore, keys: readonly Buffer[]) {
    this.#store = store;
    this.#keys = keys;
  }

  get state(): SharedStore['state'] {
    return this.#store.state;
  }

  get blobs(): Blobs {
    return this.#store.blobs;
  }

  onState(listener: () => void): void {
    this.#store.onState(listener);
  }

  async read(
    space: Space,
    keys: readonly Uint8Array[],
    options?: ReadOptions,
  ): Promise<readonly (Entry | undefined)[]> {
    const entries = await this.#store.read(space, keys, options);
    return entries.map((entry, index) => {
      const key = keys[index];
      if (entry === undefined || key === undefined) return undefined;
      return { ...entry, value: this.#open(entry.value, boundTo(space, key)) };
    });
  }

  commit(space: Space, writes: readonly Write[], options: WriteOptions): Promise<CommitResult> {
    const sealed = writes.map((write): Write => {
      if (write.op === 'delete') return write;
      const value = this.#seal(write.value ?? new Uint8Array(), boundTo(space, write.key));
      return { ...write, value };
    });
    return this.#store.commit(space, sealed, options);
  }

  /** Always rejects: the engine cannot join or count what is sealed. */
  change(): Promise<ChangeResult> {
    return Promise.reject(refused('what is sealed is put or deleted', 'another change'));
  }

  list(
    space: Space,
    options: ListOptions,
  ): Promise<{ readonly items: readonly ListedKey[]; readonly isLast: boolean }> {
    return this.#store.list(space, options);
  }

  watch(space: Space, listener: (notice: Notice) => void): Watch {
    return this.#store.watch(space, listener);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  #seal(value: Uint8Array, bound: Uint8Array): Uint8Array {
    const [key] = this.#keys;
    if (key === undefined) throw refused('there must be a key', 'none');
    return sealWith({ key, nonce: randomBytes(nonceBytes) }, value, bound);
  }

  /** @throws StoreError `refused` */
  #open(sealed: Uint8Array, bound: Uint8Array): Uint8Array {
    for (const key of this.#keys) {
      const opened = openWith(key, sealed, bound);
      if (opened !== undefined) return opened;
    }
    throw refused('cluster.seal_key_file must hold the key it was sealed with', 'another key');
  }
}

/** Nonce, what is sealed, tag. No nonce may serve two values. */
export function sealWith(
  { key, nonce }: { readonly key: Buffer; readonly nonce: Uint8Array },
  value: Uint8Array,
  bound: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv(cipherName, key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(bound);
  return Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
}

/** Undefined: sealed with another key, or not what was sealed. */
export function openWith(
  key: Buffer,
  sealed: Uint8Array,
  bound: Uint8Array,
): Uint8Array | undefined {
  if (sealed.byteLength < nonceBytes + tagBytes) return undefined;
  const nonce = sealed.subarray(0, nonceBytes);
  const end = sealed.byteLength - tagBytes;
  const decipher = createDecipheriv(cipherName, key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(bound);
  decipher.setAuthTag(sealed.subarray(end));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, end)), decipher.final()]);
  } catch {
    // Another key, or bytes that somebody changed.
    return undefined;
  }
}

/** Which space and key a value is for: no part of it can be taken for another. */
function boundTo({ area, name }: Space, key: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${area}\0${name.length}\0${name}\0`), key]);
}

function refused(rule: string, received: string): StoreError {
  return new StoreError('refused', `Cannot use the shared store: ${rule}: received ${received}`);
}
