/** The engine of several nodes, as metrics. Touches nothing. */
import { writeBucketsS, writeEnds } from '../../outside/store/nats/engine-counts.ts';
import type { EngineLook } from '../../outside/store/store-keeper.ts';
import type { MetricsText } from './text.ts';

const states = ['ready', 'waiting', 'refused'] as const;

export function addClusterMetrics(text: MetricsText, engine: EngineLook | undefined): void {
  if (engine === undefined) return;
  const { counts, state } = engine;
  const family = text.family('cluster_state', 'gauge', {
    help: 'How the shared store is for this node: 1 for the state that it is in',
  });
  for (const name of states) family.add(name === state.state ? 1 : 0, { state: name });
  text
    .family('cluster_connections_lost_total', 'counter', {
      help: 'Connections to servers of the cluster that were lost',
    })
    .add(counts.connectionsLost);
  text
    .family('cluster_leader_reads_total', 'counter', {
      help: 'Reads that asked a server of the cluster, because the mirror could not tell',
    })
    .add(counts.leaderReads);
  const writes = text.family('cluster_writes_total', 'counter', {
    help: 'Writes to the servers of the cluster, by their end',
  });
  for (const end of writeEnds) writes.add(counts.writesOf(end), { result: end });
  const { counts: durations, sumS } = counts.durations;
  text
    .family('cluster_write_duration_seconds', 'histogram', {
      help: 'How long writes took; while a server is elected they take seconds',
    })
    .addHistogram('', { counts: durations, ends: writeBucketsS, sum: sumS });
}
