/**
 * The shared store as the daemon has it: in a file of this machine, or, where several nodes are one
 * installation, in the engine of the cluster.
 */
import type { Config } from '../config/config.ts';
import type { PublisherOptions } from '../deploy/publish.ts';
import { describeError, TerrafirmaError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { LocatedFolder } from '../outside/mount/locate.ts';
import type { SharedStore } from '../outside/store/contract.ts';
import type { EngineState } from '../outside/store/messages.ts';
import { startClusterKeeper } from '../outside/store/nats/cluster-keeper.ts';
import { readInstallation } from '../outside/store/nats/installation-memory.ts';
import { NodePresence } from '../outside/store/nodes.ts';
import { openStoreClient } from '../outside/store/open.ts';
import { storePath } from '../outside/store/sqlite-schema.ts';
import { type StoreKeeper, startStoreKeeper } from '../outside/store/store-keeper.ts';
import { BlobSweeper } from './blob-sweeper.ts';
import { clusterSettingsOf } from './cluster-settings.ts';
import { requireSyncedWrites } from './engine-check.ts';
import { adoptShared, sharedKey } from './served-folder.ts';
import { openSiteStores } from './site-stores.ts';

/** What is stopped again, however far the start has come. */
export interface StoreParts {
  readonly journal: Journal;
  keeper: StoreKeeper | undefined;
  shared: SharedStore | undefined;
  /** Says to the others that this node is there. */
  presence: NodePresence | undefined;
  sweeper: BlobSweeper | undefined;
}

export interface OpenedStore {
  readonly keeper: StoreKeeper;
  readonly shared: SharedStore;
}

/** How long the first start waits for the engine. */
const firstStartMs = 30_000;
/** Later ones go on without it. */
const laterStartMs = 3_000;

/**
 * The writer of the shared store, and the control plane's own way to it. A damaged file stops only
 * what is stored: the sites go on, and the log names the file.
 *
 * @throws TerrafirmaError `config` where the engine refuses this node, `start` where it is away at
 *   the first start
 */
export async function startStore(
  config: Config,
  parts: StoreParts,
  folder: LocatedFolder | undefined,
): Promise<OpenedStore> {
  const { journal } = parts;
  const { stateDirectory } = config;
  if (config.cluster.servers.length > 0) return await startClusterStore(config, parts);
  const isAdopted = folder !== undefined && (await adoptShared(stateDirectory, folder, journal));
  const keeper = startStoreKeeper({
    renamed: isAdopted ? { from: sharedKey, to: folder.key } : undefined,
    databasePath: storePath(stateDirectory),
    legacy: { directory: stateDirectory },
    synchronous: config.keyValue.synchronous,
    limits: config.limits,
    onTrouble: (reason) => journal.tell('key-value-trouble', { reason }),
  });
  return keep(parts, keeper, stateDirectory);
}

/** What of other nodes the deploy road and certificates have to know. */
export async function openNodes(
  config: Config,
  journal: Journal,
  { keeper, shared }: OpenedStore,
): Promise<Pick<PublisherOptions, 'node' | 'siteStores'> & { isClockTrusted: () => boolean }> {
  const onTrouble = (error: unknown): void =>
    journal.tell('cluster-trouble', { reason: describeError(error) });
  const siteStores = await openSiteStores(config, shared, onTrouble);
  return { node: keeper.node, siteStores, isClockTrusted: () => keeper.isClockTrusted };
}

async function startClusterStore(config: Config, parts: StoreParts): Promise<OpenedStore> {
  const { journal } = parts;
  const { cluster, limits, stateDirectory } = config;
  const { mirrorBytesMax, monitorUrls, staleReadsMs } = cluster;
  await requireSyncedWrites(monitorUrls, (reason) => journal.tell('cluster-trouble', { reason }));
  const isFirst = readInstallation(stateDirectory) === undefined;
  const known = Promise.withResolvers<EngineState>();
  const told = new ToldEngine(journal);
  const keeper = startClusterKeeper({
    ...{ limits, stateDirectory, mirrorBytesMax, staleReadsMs },
    settings: clusterSettingsOf(config),
    onTrouble: (reason) => journal.tell('cluster-trouble', { reason }),
    onFull: (reason) => journal.tell('cluster-full', { reason }),
    onEngine: (engine) => {
      told.tell(engine);
      if (engine.isOpened || engine.state === 'refused') known.resolve(engine);
    },
  });
  const opened = keep(parts, keeper, stateDirectory);
  const engine = await within(known.promise, isFirst ? firstStartMs : laterStartMs);
  // What was lost is the operator's to find again; what is kept here serves meanwhile.
  if (engine?.state === 'refused' && !engine.isLost) {
    throw new TerrafirmaError('config', engine.reason);
  }
  if (engine === undefined && isFirst) {
    const servers = cluster.servers.join(', ');
    const rule = 'at the first start the servers of the cluster must answer within 30 s';
    throw new TerrafirmaError('start', `Cannot start: ${rule}: received nothing from ${servers}`);
  }
  const { node } = clusterSettingsOf(config);
  parts.presence = new NodePresence(opened.shared, { node, startedAtMs: Date.now() });
  const clocks = { wallMs: Date.now, nowMs: () => performance.now() };
  parts.sweeper = new BlobSweeper({ store: opened.shared, journal, ...clocks });
  return opened;
}

function keep(parts: StoreParts, keeper: StoreKeeper, stateDirectory: string): OpenedStore {
  const shared = openStoreClient(keeper.connect(), stateDirectory, keeper.cluster);
  parts.keeper = keeper;
  parts.shared = shared;
  return { keeper, shared };
}

/** Undefined: it took longer. */
async function within<T>(promise: Promise<T>, limitMs: number): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), limitMs);
  const first = await Promise.race([promise, late]);
  clearTimeout(timer);
  return first;
}

const clockWarnMs = 1_000;

/** Tells how the engine is when that changes. */
class ToldEngine {
  readonly #journal: Journal;
  #told = '';
  #isClockOff = false;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  tell({ clockOffsetMs, reason, server, state }: EngineState): void {
    const isClockOff = Math.abs(clockOffsetMs) >= clockWarnMs;
    if (isClockOff && !this.#isClockOff) {
      this.#journal.tell('cluster-clock', { offsetMs: clockOffsetMs });
    }
    this.#isClockOff = isClockOff;
    const now = `${state} ${server} ${reason ?? ''}`;
    if (now === this.#told) return;
    this.#told = now;
    if (state === 'refused') {
      this.#journal.tell('cluster-refused', { reason: reason ?? 'no reason' });
    } else {
      this.#journal.tell(state === 'ready' ? 'cluster-ready' : 'cluster-away', { server });
    }
  }
}
