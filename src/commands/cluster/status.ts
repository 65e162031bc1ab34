/** What `terrafirma cluster status` shows. */
import type { ClusterConfig } from '../../config/config.ts';
import { StoreError } from '../../outside/store/contract.ts';
import type { NatsStore } from '../../outside/store/nats/nats-store.ts';
import { readNodes } from '../../outside/store/nodes.ts';

type DescribedSettings = Pick<ClusterConfig, 'monitorUrls' | 'name' | 'replicas' | 'waitMs'>;

/** Copies say that they are there every second. */
const silentNsMax = 3_000_000_000;
const monitorWaitMs = 2_000;

export async function describeCluster(
  store: NatsStore,
  { monitorUrls, name, replicas, waitMs }: DescribedSettings,
): Promise<{ readonly text: string; readonly isWell: boolean }> {
  const places = await store.engine.openWithin(waitMs, () => 'no answer');
  const lines = [`installation ${name}, by way of ${store.engine.server}`];
  let isWell = true;
  for (const stream of places.streams) {
    const described = describeStream(stream, await store.engine.ask(`STREAM.INFO.${stream}`));
    lines.push(described.line);
    isWell &&= described.copies === replicas;
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

/** @param info As the engine answers `STREAM.INFO`. */
export function describeStream(
  stream: string,
  info: unknown,
): { readonly line: string; readonly copies: number } {
  const { cluster, state } = Object(info);
  const { messages, bytes } = Object(state);
  const others: unknown[] = Object(cluster).replicas ?? [];
  const behind = others.map((each) => Object(each)).filter((each) => !isWhole(each));
  const leader = String(Object(cluster).leader ?? 'its only server');
  const late = behind.map(({ name, lag, active, offline }) =>
    offline === true || Number(active) > silentNsMax
      ? `, ${String(name)} is silent`
      : `, ${String(name)} is ${String(lag ?? '?')} behind`,
  );
  const copies = 1 + others.length - behind.length;
  const line = `stream ${stream}: ${messages} keys, ${bytes} bytes, led by ${leader}`;
  return { line: `${line}, ${copies} whole copies${late.join('')}`, copies };
}

/** The engine calls a copy current for ten seconds after its server has died. */
function isWhole({ active, current, offline }: Readonly<Record<string, unknown>>): boolean {
  return current === true && offline !== true && !(Number(active) > silentNsMax);
}
