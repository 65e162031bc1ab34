/** `/v1/cluster`: which nodes are there, what is locked, how this node gets on with the servers. */
import { StoreError } from '../../outside/store/contract.ts';
import { writeBucketsS, writeEnds } from '../../outside/store/nats/engine-counts.ts';
import type { StreamState } from '../../outside/store/nats/stream-state.ts';
import { readNodes } from '../../outside/store/nodes.ts';
import { certificateSpace } from '../../tls/records.ts';
import { json, type Route } from '../request.ts';
import type { AdminWorld } from '../world.ts';

type ClusterWorld = Pick<AdminWorld, 'engine' | 'store'>;
type Json = Readonly<Record<string, unknown>>;

const locksToldMax = 100;
const lockPrefix = Buffer.from('lock/');

export function clusterRoutes(world: ClusterWorld): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/cluster',
      answer: async () => json({ cluster: await describeCluster(world) }),
    },
  ];
}

/** Null where the node is on its own. */
async function describeCluster({ engine, store }: ClusterWorld): Promise<Json | null> {
  const look = engine();
  if (look === undefined) return null;
  const { counts, node, state } = look;
  const { counts: durations } = counts.durations;
  const own = {
    node,
    state: state.state,
    reason: state.reason ?? null,
    server: state.server,
    /** How much the server's clock is before this one's. */
    clockOffsetMs: Math.round(state.clockOffsetMs),
    connectionsLost: counts.connectionsLost,
    leaderReads: counts.leaderReads,
    writes: Object.fromEntries(writeEnds.map((end) => [end, counts.writesOf(end)])),
    slowWrites: {
      /** Half of all, and 99 of 100, took no longer. */
      p50Ms: endOf(durations, 0.5),
      p99Ms: endOf(durations, 0.99),
    },
  };
  try {
    const nodes = await listNodes(store, node);
    const streams = (await store.streams?.()) ?? [];
    return { ...own, nodes, locks: await listLocks(store), streams: streams.map(describeStream) };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    // While the servers are away it can still be told how this node sees them.
    return { ...own, nodes: [], locks: [], streams: [], reason: state.reason ?? error.message };
  }
}

/** `behind`: null where the server says nothing any more. */
function describeStream({ late, leader, ...others }: StreamState): Json {
  const copies = late.map(({ server, behind }) => ({ server, behind: behind ?? null }));
  return { ...others, leader: leader ?? null, late: copies };
}

async function listNodes(store: ClusterWorld['store'], own: string): Promise<readonly Json[]> {
  const nodes = await readNodes(store);
  return nodes.map(({ node, startedAtMs }) => ({
    node,
    startedAt: new Date(startedAtMs).toISOString(),
    isThis: node === own,
  }));
}

/** What one node alone does now: orders of certificates, looking after renewals. */
async function listLocks(store: ClusterWorld['store']): Promise<readonly string[]> {
  const { items } = await store.list(certificateSpace, {
    prefix: lockPrefix,
    limit: locksToldMax,
  });
  return items.map(({ key }) => Buffer.from(key).toString().slice(lockPrefix.length));
}

/** The end of the bucket; null without writes, or where it was longer than the last. */
function endOf(counts: readonly number[], share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (const [at, endS] of writeBucketsS.entries()) {
    below += counts[at] ?? 0;
    if (total > 0 && below >= total * share) return endS * 1_000;
  }
  return null;
}
