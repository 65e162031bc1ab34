/** Waits until the daemon serves what has been built. Asks its admin socket. */
import { setTimeout as wait } from 'node:timers/promises';
import { TerrafirmaError } from '../../errors.ts';
import { localFolderKey } from '../../names.ts';
import type { Connection } from '../admin/connection.ts';

export interface Wanted {
  readonly modulePath: string;
  readonly digest: string;
  readonly isClosed: () => boolean;
}

const lookMs = 50;
const waitMsMax = 60_000;

/** How it ended, in a word or two: `live`, or why not. Never rejects for what the daemon says. */
export async function whenLive(
  admin: Connection | undefined,
  site: string,
  { digest, isClosed, modulePath }: Wanted,
): Promise<string> {
  if (admin === undefined) return 'no daemon';
  const key = localFolderKey(site);
  const at = `/v1/folders/${encodeURIComponent(key)}/modules/${encodeURIComponent(modulePath)}`;
  const deadlineMs = performance.now() + waitMsMax;
  let refusal: string | null | undefined;
  while (performance.now() < deadlineMs && !isClosed()) {
    const module = await lookAt(admin, at);
    if (module?.digest === digest) return 'live';
    if (module?.isPinned === true) return 'rolled back: see terrafirma versions';
    refusal = module?.refusal;
    await wait(lookMs);
  }
  // Told late: until the daemon has looked, it is that of the file before.
  return refusal === null || refusal === undefined ? 'not live yet' : `not live: ${refusal}`;
}

interface SeenModule {
  readonly digest: string | null;
  readonly isPinned: boolean;
  readonly refusal: string | null;
}

async function lookAt(admin: Connection, at: string): Promise<SeenModule | undefined> {
  try {
    const { module } = await admin.json(at);
    return module as SeenModule;
  } catch (error) {
    // Not looked at yet, or between two daemons.
    if (error instanceof TerrafirmaError) return undefined;
    throw error;
  }
}
