/** What `terrafirma cluster status` shows. */
import type { ClusterConfig } from '../../config/config.ts';
import { StoreError } from '../../outside/store/contract.ts';
import type { NatsStore } from '../../outside/store/nats/nats-store.ts';
import { readStreams, type StreamState } from '../../outside/store/nats/stream-state.ts';
import { readNodes } from '../../outside/store/nodes.ts';

type DescribedSettings = Pick<ClusterConfig, 'monitorUrls' | 'name' | 'replicas' | 'waitMs'>;

const monitorWaitMs = 2_000;

export async function describeCluster(
  store: NatsStore,
  { monitorUrls, name, replicas, waitMs }: DescribedSettings,
): Promise<{ readonly text: string; readonly isWell: boolean }> {
  const streams = await readStreams(store.engine, waitMs, () => 'no answer');
  const lines = [`installation ${name}, by way of ${store.engine.server}`];
  let isWell = true;
  for (const state of streams) {
    lines.push(describeStream(state));
    isWell &&= state.wholeCopies === replicas;
  }
  for (const url of await silentServers(monitorUrls)) {
    lines.push(`the server at ${url} does not answer`);
    isWell = false;
  }
  try {
    lines.push(...(await describeNodes(store)));
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    // The streams are told all the same: they say why.
    lines.push(`which nodes are there cannot be told: ${error.message}`);
    isWell = false;
  }
  if (!isWell) lines.push('not well: servers or copies are missing or behind');
  return { text: `${lines.join('\n')}\n`, isWell };
}

async function describeNodes(store: NatsStore): Promise<readonly string[]> {
  const nodes = await readNodes(store);
  if (nodes.length === 0) return ['no node is there'];
  return nodes.map(({ node, startedAtMs }) => {
    const since = new Date(startedAtMs).toISOString();
    return `node ${node}, since ${since}`;
  });
}

/** A leader needs some seconds to notice that another server has died: its monitoring is asked. */
async function silentServers(monitorUrls: readonly string[]): Promise<readonly string[]> {
  const asked = monitorUrls.map(async (url) => {
    try {
      const signal = AbortSignal.timeout(monitorWaitMs);
      await (await fetch(new URL('/varz', url), { signal })).arrayBuffer();
      return [];
    } catch {
      return [url];
    }
  });
  return (await Promise.all(asked)).flat();
}

export function describeStream(state: StreamState): string {
  const { bytes, keys, late, leader = 'its only server', stream, wholeCopies } = state;
  const behind = late.map(({ server, behind: writes }) =>
    writes === undefined ? `, ${server} is silent` : `, ${server} is ${writes} behind`,
  );
  const line = `stream ${stream}: ${keys} keys, ${bytes} bytes, led by ${leader}`;
  return `${line}, ${wholeCopies} whole copies${behind.join('')}`;
}
