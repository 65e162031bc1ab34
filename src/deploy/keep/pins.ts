/**
 * Rollbacks, in the shared store. A rollback pins one kept version of one module: it serves until
 * the file's content becomes something else than it was at the time of the rollback. So a rollback
 * ends by itself with the next deploy, and never by the poll that sees the same bad file again.
 *
 *     area deploy, named by the folder key: module path → {"pin": {id, digest, seenDigest}}
 *
 * The command line writes here, beside a running daemon or without one; the daemon only reads.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultLimits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import type { FolderKey, ModulePath } from '../../names.ts';
import {
  type SharedStore,
  type Space,
  StoreError,
  type Write,
} from '../../outside/store/contract.ts';
import { DirectStore } from '../../outside/store/direct-store.ts';
import { openBlobs } from '../../outside/store/open.ts';
import { storePath } from '../../outside/store/sqlite-schema.ts';
import type { Digest } from '../../threads/messages.ts';
import { digestOf, objectOf, parseJson, textOf } from './record.ts';
import { hashName, listNames } from './record-files.ts';

export interface Pin {
  /** Told apart from every other rollback, also to the same version. */
  readonly id: string;
  readonly modulePath: ModulePath;
  readonly digest: Digest;
  /** The content of the file at the time of the rollback. */
  readonly seenDigest: Digest;
}

const listedAtOnce = 1_000;
const triesMax = 20;
const wait = { deadlineMs: 10_000 };

/**
 * The shared store of a state directory, for a command of the operator. Whoever opens it closes it.
 *
 * @throws TerrafirmaError `state` when its file cannot be used.
 */
export function openStoreOf(stateDirectory: string): SharedStore {
  try {
    return DirectStore.open({
      databasePath: storePath(stateDirectory),
      synchronous: 'full',
      limits: defaultLimits,
      blobs: openBlobs(stateDirectory),
      nowMs: Date.now,
    });
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    const detail = `${cause.message}: ${storePath(stateDirectory)}`;
    throw new TerrafirmaError('state', detail, { cause });
  }
}

/** Durable when it resolves. A running daemon notices within one poll. Rejects with StoreError. */
export async function writePin(
  store: SharedStore,
  folderKey: FolderKey,
  pin: Omit<Pin, 'id'>,
): Promise<void> {
  const id = randomBytes(12).toString('hex');
  const space = pinsSpace(folderKey);
  const key = Buffer.from(pin.modulePath);
  for (let tries = 0; tries < triesMax; tries += 1) {
    const [entry] = await store.read(space, [key], { fresh: true });
    const write = { ...writeOf({ ...pin, id }, entry?.value), ifRevision: entry?.revision ?? 0 };
    if ((await store.commit(space, [write], wait)).kind === 'done') return;
  }
  const rule = 'others must leave the module alone for a moment';
  throw new StoreError('unavailable', `Cannot roll back: ${rule}: received ${triesMax} changes`);
}

/**
 * The rollbacks of a folder, spent ones included; those that cannot be read are told to `journal`
 * and count as none. Rejects with StoreError.
 */
export async function readPins(
  store: SharedStore,
  folderKey: FolderKey,
  journal: Journal,
): Promise<ReadonlyMap<ModulePath, Pin>> {
  const space = pinsSpace(folderKey);
  const pins = new Map<ModulePath, Pin>();
  for (let after: Uint8Array | undefined; ; ) {
    const options = { prefix: new Uint8Array(0), limit: listedAtOnce };
    const page = await store.list(space, after === undefined ? options : { ...options, after });
    const keys = page.items.map(({ key }) => key);
    const entries = await store.read(space, keys);
    for (const [index, key] of keys.entries()) {
      const modulePath = Buffer.from(key).toString() as ModulePath;
      const value = entries[index]?.value;
      if (value === undefined) continue;
      try {
        const pin = parsePin(Buffer.from(value).toString(), modulePath);
        if (pin !== undefined) pins.set(modulePath, pin);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        journal.tell('rollback-damaged', { folderKey, modulePath, reason });
      }
    }
    after = keys.at(-1);
    if (page.isLast) return pins;
  }
}

/**
 * Takes over what earlier releases kept as files in `pins/`, once. Killed in between, it begins
 * again: what is in the store already stays what it is. Rejects with StoreError.
 */
export async function takeOverPins(
  store: SharedStore,
  at: { readonly stateDirectory: string; readonly folderKey: FolderKey },
  journal: Journal,
): Promise<void> {
  const { stateDirectory, folderKey } = at;
  const directory = pinsDirectory(stateDirectory, folderKey);
  if (!existsSync(directory)) return;
  for (const name of await listNames(directory)) {
    if (!name.endsWith('.json')) continue;
    try {
      const value = objectOf(
        parseJson(await readFile(join(directory, name), 'utf8')),
        'a rollback',
      );
      const pin = pinOf(value, textOf(value.modulePath, 'modulePath') as ModulePath);
      await store.commit(pinsSpace(folderKey), [{ ...writeOf(pin), ifRevision: 0 }], wait);
    } catch (error) {
      if (error instanceof StoreError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      journal.tell('rollback-damaged', { folderKey, modulePath: name, reason });
    }
  }
  await rm(directory, { recursive: true });
}

/** Where earlier releases kept the rollbacks of a folder. */
export function pinsDirectory(stateDirectory: string, folderKey: FolderKey): string {
  return join(stateDirectory, 'pins', hashName(folderKey));
}

/** Where they are. */
export function pinsSpace(folderKey: FolderKey): Space {
  return { area: 'deploy', name: folderKey };
}

/** What else is known of the module stays. */
function writeOf({ id, modulePath, digest, seenDigest }: Pin, present?: Uint8Array): Write {
  const rest =
    present === undefined ? {} : objectOf(parseJson(Buffer.from(present).toString()), 'a module');
  const value = Buffer.from(JSON.stringify({ ...rest, pin: { id, digest, seenDigest } }));
  return { key: Buffer.from(modulePath), op: 'put', value };
}

/** Undefined where the module was never rolled back. */
function parsePin(text: string, modulePath: ModulePath): Pin | undefined {
  const { pin } = objectOf(parseJson(text), 'a module');
  return pin === undefined ? undefined : pinOf(objectOf(pin, 'a rollback'), modulePath);
}

function pinOf(value: Readonly<Record<string, unknown>>, modulePath: ModulePath): Pin {
  return {
    id: textOf(value.id, 'id'),
    modulePath,
    digest: digestOf(value.digest),
    seenDigest: digestOf(value.seenDigest),
  };
}
