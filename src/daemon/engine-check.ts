/**
 * Whether the engine of a cluster syncs what it acknowledges. By default it does so every two
 * minutes: a power cut of all servers then loses everything since, and more. Edge: HTTP, to the
 * servers' monitoring.
 */
import { TerrafirmaError } from '../errors.ts';

const waitMs = 5_000;

/**
 * @param onTrouble Told where it cannot be known.
 * @throws TerrafirmaError `config` where a server says that it does not
 */
export async function requireSyncedWrites(
  monitorUrls: readonly string[],
  onTrouble: (reason: string) => void,
): Promise<void> {
  if (monitorUrls.length === 0) {
    onTrouble('cluster.monitor_urls is empty: nobody checks that the servers sync every write');
    return;
  }
  const answers = monitorUrls.map(async (url) => ({ url, isSynced: await asksAlways(url) }));
  for (const { url, isSynced } of await Promise.all(answers)) {
    if (isSynced === undefined) onTrouble(`the server at ${url} does not say how it syncs writes`);
    if (isSynced !== false) continue;
    const rule = 'jetstream.sync_interval of every server must be always';
    throw new TerrafirmaError('config', `Cannot start: ${rule}: received another from ${url}`);
  }
}

/** Undefined: it did not answer. */
async function asksAlways(url: string): Promise<boolean | undefined> {
  try {
    const answer = await fetch(new URL('/jsz?config=true', url), {
      signal: AbortSignal.timeout(waitMs),
    });
    const read: unknown = await answer.json();
    return Object(Object(read).config).sync_always === true;
  } catch {
    return undefined;
  }
}
