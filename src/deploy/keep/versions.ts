/**
 * Edge: the state directory as the command line uses it, beside a running daemon or without one.
 * Reads what the daemon wrote; writes only rollbacks.
 */
import { TerrafirmaError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import type { FolderKey, ModulePath } from '../../names.ts';
import { type SharedStore, StoreError } from '../../outside/store/contract.ts';
import type { Digest } from '../../threads/messages.ts';
import { readUnoptimised } from '../build/trial-book.ts';
import { servingVersion } from './history.ts';
import { openStoreOf, type Pin, readPins, takeOverPins, writePin } from './pins.ts';
import { readQuarantined } from './quarantine.ts';
import type { FolderRecord, ModuleRecord } from './record.ts';
import { readRecords } from './record-files.ts';

export interface ListedVersion {
  readonly digest: Digest;
  readonly abi: string;
  readonly acceptedAtMs: number;
  readonly bytes: number;
  /** Answers requests now. */
  readonly isServing: boolean;
  /** The daemon ended twice when it was new: it does not run until an operator releases it. */
  readonly isQuarantined: boolean;
  /** Why V8's optimiser may not have it, so that it runs slowly; undefined when it may. */
  readonly unoptimised?: string | undefined;
}

export interface ListedModule {
  readonly folderKey: FolderKey;
  readonly modulePath: ModulePath;
  /** Newest first. */
  readonly versions: readonly ListedVersion[];
  /** A rollback holds. */
  readonly isPinned: boolean;
  /** Its file was deleted: nothing serves. */
  readonly isGone: boolean;
  /** Why the file's content now is refused. */
  readonly refusal: string | undefined;
}

/** Which modules: a folder key as in the listing, or a folder key, `/`, and a module's path. */
export type VersionFilter = string | undefined;

export interface RollbackTarget {
  /** `<folder key>/<module path>` */
  readonly name: string;
  /** `newest`: the rollback ends. */
  readonly digestStart: string;
  /** Where rollbacks are, for who has it open. */
  readonly store?: SharedStore;
}

/**
 * The kept versions, sorted by folder and path. `filter` is a folder key, or one followed by `/`
 * and a module path. Records that cannot be read are told to `log` and left out.
 */
export async function listVersions(
  stateDirectory: string,
  filter: VersionFilter,
  journal: Journal,
  store?: SharedStore,
): Promise<readonly ListedModule[]> {
  const listed: ListedModule[] = [];
  const standing = await readStanding(stateDirectory, journal);
  const records = await readRecords(stateDirectory, journal);
  const pinsOf = await readAllPins(stateDirectory, records, { journal, store });
  for (const record of records) {
    const pins = pinsOf.get(record.folderKey) ?? new Map();
    for (const [modulePath, module] of record.modules) {
      const name = `${record.folderKey}/${modulePath}`;
      if (filter !== undefined && filter !== record.folderKey && filter !== name) continue;
      const serving = servingVersion(module, pins.get(modulePath)).digest;
      const { folderKey } = record;
      listed.push(describeModule(module, { folderKey, modulePath, serving, standing }));
    }
  }
  const nameOf = ({ folderKey, modulePath }: ListedModule) => `${folderKey}/${modulePath}`;
  return listed.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/**
 * Brings back a kept version of `name` (`<folder key>/<module path>`): it serves until the content
 * of the file becomes something else than it is now. Rolling back to the newest version ends a
 * rollback. `digestStart` may be the first 8 or more digits when they are unambiguous. Resolves,
 * once it is durable, to the version that serves from now on; a running daemon takes it up at its
 * next poll.
 *
 * @throws TerrafirmaError('usage') when there is no such module or version
 */
export async function rollBack(
  stateDirectory: string,
  target: RollbackTarget,
  journal: Journal,
): Promise<ListedVersion> {
  const { name, digestStart } = target;
  for (const record of await readRecords(stateDirectory, journal)) {
    for (const [modulePath, module] of record.modules) {
      if (`${record.folderKey}/${modulePath}` !== name) continue;
      const { digest } = findVersion(module, digestStart);
      const seenDigest = module.seen.digest;
      const { folderKey } = record;
      await pinVersion(stateDirectory, folderKey, {
        pin: { modulePath, digest, seenDigest },
        journal,
        store: target.store,
      });
      const standing = await readStanding(stateDirectory, journal);
      const after = describeModule(module, { folderKey, modulePath, serving: digest, standing });
      const version = after.versions.find((each) => each.isServing);
      if (version !== undefined) return version;
    }
  }
  const rule = 'the module must have kept versions, see `terrafirma versions`';
  throw new TerrafirmaError('usage', `Cannot roll back: ${rule}: received ${name}`);
}

/** Makes nothing where nothing was ever accepted. Rejects with TerrafirmaError `state`. */
async function readAllPins(
  stateDirectory: string,
  records: readonly FolderRecord[],
  {
    journal,
    store: opened,
  }: { readonly journal: Journal; readonly store: SharedStore | undefined },
): Promise<ReadonlyMap<FolderKey, ReadonlyMap<ModulePath, Pin>>> {
  const pins = new Map<FolderKey, ReadonlyMap<ModulePath, Pin>>();
  if (records.length === 0) return pins;
  const read = async (store: SharedStore): Promise<void> => {
    for (const { folderKey } of records) {
      await takeOverPins(store, { stateDirectory, folderKey }, journal);
      pins.set(folderKey, await readPins(store, folderKey, journal));
    }
  };
  await (opened === undefined ? withStore(stateDirectory, read) : read(opened));
  return pins;
}

async function pinVersion(
  stateDirectory: string,
  folderKey: FolderKey,
  {
    pin,
    journal,
    store: opened,
  }: {
    readonly pin: Omit<Pin, 'id'>;
    readonly journal: Journal;
    readonly store: SharedStore | undefined;
  },
): Promise<void> {
  const write = async (store: SharedStore): Promise<void> => {
    await takeOverPins(store, { stateDirectory, folderKey }, journal);
    await writePin(store, folderKey, pin);
  };
  await (opened === undefined ? withStore(stateDirectory, write) : write(opened));
}

/** Rejects with TerrafirmaError `state`. */
async function withStore(
  stateDirectory: string,
  work: (store: SharedStore) => Promise<void>,
): Promise<void> {
  const store = openStoreOf(stateDirectory);
  try {
    await work(store);
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    throw new TerrafirmaError('state', cause.message, { cause });
  } finally {
    await store.close();
  }
}

/** What is known of modules whatever folder they are in. */
interface Standing {
  readonly quarantined: ReadonlySet<Digest>;
  readonly unoptimised: ReadonlyMap<Digest, string>;
}

async function readStanding(stateDirectory: string, journal: Journal): Promise<Standing> {
  const unoptimised = await readUnoptimised(stateDirectory, journal);
  return { quarantined: await readQuarantined(stateDirectory, journal), unoptimised };
}

function findVersion(module: ModuleRecord, digestStart: string): { readonly digest: Digest } {
  if (digestStart === 'newest') return module.versions[0];
  const isDigestStart = /^[0-9a-f]{8,64}$/.test(digestStart);
  const found = module.versions.filter(({ digest }) => digest.startsWith(digestStart));
  const [version] = found;
  if (isDigestStart && version !== undefined && found.length === 1) return version;
  const kept = module.versions.map(({ digest }) => digest.slice(0, 16)).join(', ');
  const rule = `it takes 8 or more digits of one kept version (${kept})`;
  throw new TerrafirmaError('usage', `Cannot roll back: ${rule}: received ${digestStart}`);
}

function describeModule(
  module: ModuleRecord,
  of: {
    readonly folderKey: FolderKey;
    readonly modulePath: ModulePath;
    readonly serving: Digest;
    readonly standing: Standing;
  },
): ListedModule {
  const { folderKey, modulePath, standing } = of;
  const { quarantined, unoptimised } = standing;
  const versions = module.versions.filter(({ digest }) => !quarantined.has(digest));
  const isFree = versions.some(({ digest }) => digest === of.serving);
  const serving = isFree ? of.serving : versions[0]?.digest;
  const isGone = module.goneAtMs !== undefined;
  return {
    folderKey,
    modulePath,
    versions: module.versions.map((version) => ({
      ...version,
      isServing: !isGone && version.digest === serving,
      isQuarantined: quarantined.has(version.digest),
      unoptimised: unoptimised.get(version.digest),
    })),
    isPinned: !isGone && of.serving !== module.versions[0].digest,
    isGone,
    refusal: module.seen.refusal,
  };
}
