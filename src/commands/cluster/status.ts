/** What `terrafirma cluster status` shows. */
import type { ClusterConfig } from '../../config/config.ts';
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
  const nodes = await readNodes(store);
  for (const { node, startedAtMs } of nodes) {
    const since = new Date(startedAtMs).toISOString();
    lines.push(`node ${node}, since ${since}`);
  }
  if (nodes.length === 0) lines.push('no node is there');
  if (!isWell) lines.push('not well: copies are missing or behind');
  return { text: `${lines.join('\n')}\n`, isWell };
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
