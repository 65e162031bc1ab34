/** `/v1/status`: what the daemon is, what it has and where it is at its limits. */
import { statfs } from 'node:fs/promises';
import { residentBytes } from '../../account/resident-bytes.ts';
import { categories } from '../../account/shared.ts';
import type { Config } from '../../config/config.ts';
import type { CountedRow } from '../../journal/counter-book.ts';
import { counterPlace, durationBucketsS, outcomes } from '../../journal/counter-fields.ts';
import type { EngineLook } from '../../outside/store/store-keeper.ts';
import { readDescriptors } from '../descriptors.ts';
import { quantileMs } from '../quantile.ts';
import { json, type Route } from '../request.ts';
import type { AdminWorld } from '../world.ts';

/** How many modules that have reached a limit are named. */
const limitsToldMax = 20;
/** Outcomes that say that a limit was reached. */
const limitOutcomes = ['out-of-cpu', 'out-of-time', 'out-of-memory', 'refused'] as const;

export function statusRoutes(world: AdminWorld): readonly Route[] {
  return [{ method: 'GET', path: '/v1/status', answer: async () => json(await statusOf(world)) }];
}

export async function statusOf(world: AdminWorld): Promise<Readonly<Record<string, unknown>>> {
  const { config, publisher, store, threads } = world;
  const lastMinute = world.history.growth(60);
  const folders = publisher.folders();
  const looks = threads.looks();
  const descriptors = readDescriptors();
  return {
    version: world.version,
    node: process.version,
    pid: process.pid,
    startedAt: new Date(world.startedAtMs).toISOString(),
    configFile: world.configFile ?? null,
    stateDirectory: config.stateDirectory,
    places: placesOf(config),
    listening: world.listening(),
    isDraining: world.control.isDraining,
    threads: looks.map(({ number, beatAgeMs, isListening, gauges }) => ({
      n: number,
      isListening,
      beatAgeMs: Math.round(beatAgeMs),
      runs: gauges.runsRunning,
      waiting: gauges.runsWaiting,
      queued: gauges.runsQueued,
      instances: gauges.runsRunning + gauges.idleGuests,
      connections: gauges.http1Connections + gauges.http2Connections,
      websockets: gauges.websockets,
      lagMs: Math.round(gauges.lagMs),
      heapBytes: gauges.heapBytes,
    })),
    threadsReplaced: threads.replaced,
    lastMinute: rates(lastMinute),
    folders: {
      inUse: folders.length,
      away: folders.filter(({ state }) => state === 'away').length,
      closed: folders.filter(({ state }) => state === 'closed').length,
      banned: world.bans.list().length,
    },
    modules: {
      serving: folders.reduce((sum, { serving }) => sum + serving, 0),
      refused: folders.reduce((sum, { refused }) => sum + refused, 0),
    },
    memory: describeMemory(world),
    queued: looks.reduce((sum, { gauges }) => sum + gauges.runsQueued, 0),
    controlLagMs: Math.round(world.daemonSeries.controlLagMs),
    cache: { ...world.cache.held, ...world.cache.counts },
    descriptors: { open: descriptors?.open ?? null, max: descriptors?.max ?? null },
    cluster: clusterOf(config, world.engine()),
    store: store.state,
    kvBytes: world.guestBytes() ?? null,
    stateBytes: (await world.stateBytes()) ?? null,
    stateFreeBytes: await freeBytes(config.stateDirectory),
    limitsReached: limitsReached(world.history.growth(3_600)),
  };
}

/** Where folders and their records are found, for a command that shall look at the same ones. */
function placesOf({ botUser, dns, folder, mounts }: Config): Readonly<Record<string, unknown>> {
  return { folder: folder ?? null, mounts, botUser: botUser ?? null, dnsServers: dns.servers };
}

function describeMemory({ account, config }: AdminWorld): Readonly<Record<string, unknown>> {
  const held = account.held();
  return {
    residentBytes: residentBytes(),
    bytesMax: config.processMemoryBytesMax,
    heldBytes: held.bytes,
    idleGuestBytes: held.idleBytes,
    instances: held.memories,
    instancesMax: config.limits.instancesMax,
    by: Object.fromEntries(categories.map((name) => [name, account.heldBy(name)])),
  };
}

/** Null where the node is on its own. */
function clusterOf(
  { cluster }: Config,
  engine: EngineLook | undefined,
): Readonly<Record<string, unknown>> | null {
  if (engine === undefined) return null;
  const { name, replicas, servers, shards } = cluster;
  const { reason = null, server, state } = engine.state;
  const own = { node: engine.node, state, reason, server };
  return { name, servers: servers.length, shards, replicas, ...own };
}

/** What happened in about a minute, over all modules. */
function rates(rows: readonly CountedRow[]): Readonly<Record<string, unknown>> {
  const total = (place: number): number =>
    rows.reduce((sum, { words }) => sum + (words[place] ?? 0), 0);
  const counts = Array.from({ length: durationBucketsS.length + 1 }, (_, at) =>
    total(counterPlace.durations + at),
  );
  const requests = outcomes.reduce((sum, _, at) => sum + total(counterPlace.requests + at), 0);
  return {
    requests,
    cpuMs: Math.round(total(counterPlace.guestCpuUs) / 1_000),
    p50Ms: quantileMs(counts, 0.5),
    p99Ms: quantileMs(counts, 0.99),
    sentBytes: total(counterPlace.sentBytes),
  };
}

function limitsReached(rows: readonly CountedRow[]): readonly unknown[] {
  const reached = rows.flatMap(({ folderKey, modulePath, words }) =>
    limitOutcomes.flatMap((outcome) => {
      const count = words[counterPlace.requests + outcomes.indexOf(outcome)] ?? 0;
      if (count === 0) return [];
      return [{ folder: folderKey ?? null, module: modulePath ?? null, outcome, count }];
    }),
  );
  return reached.sort((one, other) => other.count - one.count).slice(0, limitsToldMax);
}

/** Null where the system does not say. */
async function freeBytes(directory: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch {
    return null;
  }
}
