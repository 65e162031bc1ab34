/** What `terrafirma cluster status` shows. */
import type { ClusterConfig } from '../../config/config.ts';
import { StoreError } from '../../outside/store/contract.ts';
import type { NatsStore } from '../../outside/store/nats/nats-store.ts';
import { readNodes } from '../../outside/store/nodes.ts';

export async function describeCluster(
  store: NatsStore,
  { name, replicas, waitMs }: Pick<ClusterConfig, 'name' | 'replicas' | 'waitMs'>,
): Promise<{ readonly text: string; readonly isWell: boolean }> {
  const places = await store.engine.openWithin(waitMs, () => 'no answer');
  const lines = [`installation ${name}, by way of ${store.engine.server}`];
  let isWell = true;
  for (const stream of places.streams) {
    const described = describeStream(stream, await store.engine.ask(`STREAM.INFO.${stream}`));
    lines.push(described.line);
    isWell &&= described.copies === replicas;
  }
  try {
    lines.push(...(await describeNodes(store)));
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    // The streams are told all the same: they say why.
    lines.push(`which nodes are there cannot be told: ${error.message}`);
    isWell = false;
  }
  if (!isWell) lines.push('not well: copies are missing or behind');
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

function describeStream(
  stream: string,
  info: unknown,
): { readonly line: string; readonly copies: number } {
  const { cluster, state } = Object(info);
  const { messages, bytes } = Object(state);
  const others: unknown[] = Object(cluster).replicas ?? [];
  const behind = others.map((each) => Object(each)).filter(({ current }) => current !== true);
  const leader = String(Object(cluster).leader ?? 'its only server');
  const late = behind.map(({ name, lag }) => `, ${String(name)} is ${String(lag ?? '?')} behind`);
  const copies = 1 + others.length - behind.length;
  const line = `stream ${stream}: ${messages} keys, ${bytes} bytes, led by ${leader}`;
  return { line: `${line}, ${copies} whole copies${late.join('')}`, copies };
}
