/** `terrafirma secret set` and `unset`: what a folder's modules have on all nodes of a cluster. */
import { loadConfig } from '../../config/load.ts';
import { readKeys } from '../../daemon/site-stores.ts';
import { siteSpace, type TextKind, textKey } from '../../deploy/common/folder-texts.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { FolderKey } from '../../names.ts';
import { secretBytesMax } from '../../outside/secrets/sealed.ts';
import { type SharedStore, StoreError } from '../../outside/store/contract.ts';
import { SealingStore } from '../../outside/store/sealing-store.ts';
import { defaultStore } from '../../site/settings/stores.ts';
import type { Arguments, CommandIo } from '../command.ts';
import { openShared } from '../versions/shared.ts';

export interface SetPlace {
  readonly folderKey: FolderKey;
  /** Undefined: the store `default`. */
  readonly store: string | undefined;
  readonly name: string;
}

const wait = { deadlineMs: 10_000 };

/** Resolves when all nodes are told; a value of the standard input is stored, or none any more. */
export async function setText(
  action: 'set' | 'unset',
  place: SetPlace,
  { given, io }: { readonly given: Arguments; readonly io: CommandIo },
): Promise<0> {
  const kind: TextKind = given.has('plain') ? 'config' : 'secret';
  await using shared = await openShared(given, io);
  const { store } = shared.opened;
  if (store === undefined) {
    const next = 'use seal, and the terrafirma.toml of the folder';
    throw usage(`${action} is of several nodes: cluster.servers must be set; ${next}`);
  }
  const target = kind === 'config' ? store : await sealing(store, given, io);
  const key = textKey(kind, place.store ?? defaultStore, place.name);
  const value = action === 'set' ? await readValue(place.name, io) : undefined;
  const write =
    value === undefined ? ({ key, op: 'delete' } as const) : ({ key, op: 'put', value } as const);
  try {
    await target.commit(siteSpace(place.folderKey), [write], wait);
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    throw new TerrafirmaError('refused', cause.message, { cause });
  }
  const what = kind === 'config' ? 'config value' : 'secret';
  const done = action === 'set' ? 'is set' : 'is not set any more';
  io.write(`The ${what} ${place.name} of ${place.folderKey} ${done}, on all nodes\n`);
  return 0;
}

async function sealing(store: SharedStore, given: Arguments, io: CommandIo): Promise<SharedStore> {
  const { config } = loadConfig({
    flags: given.settings,
    machine: io.machine,
    configFile: given.configFile,
  });
  const { sealKeyFile } = config.cluster;
  if (sealKeyFile !== undefined) return new SealingStore(store, await readKeys(sealKeyFile));
  throw usage('cluster.seal_key_file must be set: secrets are sealed before they leave a node');
}

async function readValue(name: string, io: CommandIo): Promise<Uint8Array> {
  const value = await io.readSecret(`Value of ${name}: `);
  if (value.length > 0 && value.length <= secretBytesMax) return value;
  throw usage(`a value must have from 1 to ${secretBytesMax} bytes: received ${value.length}`);
}

function usage(rest: string): TerrafirmaError {
  return new TerrafirmaError('usage', `Cannot run secret: ${rest}`);
}
