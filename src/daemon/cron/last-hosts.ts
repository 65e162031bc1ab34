/**
 * Under which host name a folder is called by its schedule, and whether anybody still points one at
 * it: a folder that nobody has shown for 30 days is not run for ever.
 */
import { type FolderKey, type HostName, quoteReceived } from '../../names.ts';
import type { SharedStore, Space } from '../../outside/store/contract.ts';
import type { Site } from '../../site/table.ts';

export interface LastHostsOptions {
  readonly store: Pick<SharedStore, 'commit' | 'read'>;
  /** In folder mode every name leads there. */
  readonly isFolderMode: boolean;
  /** Whether the record of the name leads to the folder now. Never rejects. */
  readonly leadsTo: (hostName: HostName, folderKey: FolderKey) => Promise<boolean>;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

/** Either the name, or why the folder's schedule rests. */
export type HostOrRest =
  | { readonly kind: 'host'; readonly hostName: string }
  | { readonly kind: 'rests'; readonly reason: string };

interface Seen {
  readonly hostName: HostName;
  readonly atMs: number;
}

const space: Space = { area: 'site', name: 'cron' };
const deadlineMs = 5_000;
const dayMs = 86_400_000;
export const unusedMsMax = 30 * dayMs;
const keptMs = 90 * dayMs;
/** A visit within this time of the last one says nothing new. */
const freshMs = dayMs / 2;
const foldersMax = 10_000;

export class LastHosts {
  readonly #options: LastHostsOptions;
  readonly #seen = new Map<FolderKey, Seen>();

  constructor(options: LastHostsOptions) {
    this.#options = options;
  }

  /** Somebody has asked for a name that leads to the folder. Costs nothing while that is known. */
  note(hostName: HostName, folderKey: FolderKey): void {
    const nowMs = this.#options.nowMs();
    const known = this.#seen.get(folderKey);
    if (known?.hostName === hostName && nowMs - known.atMs < freshMs) return;
    if (this.#seen.size >= foldersMax) this.#seen.clear();
    const seen = { hostName, atMs: nowMs };
    this.#seen.set(folderKey, seen);
    // What is not stored is noted again at the next visit after a restart.
    this.#store(folderKey, seen).catch(() => this.#seen.delete(folderKey));
  }

  async hostFor({ folderKey, settings }: Site): Promise<HostOrRest> {
    const listed = settings?.site?.canonicalHost ?? settings?.hostNames?.[0];
    if (this.#options.isFolderMode) return { kind: 'host', hostName: listed ?? 'localhost' };
    const seen = this.#seen.get(folderKey) ?? (await this.#read(folderKey));
    const candidates = [listed, seen?.hostName].filter((name) => name !== undefined);
    const [hostName] = candidates;
    const nowMs = this.#options.nowMs();
    if (hostName === undefined) {
      return { kind: 'rests', reason: 'no host name is known that leads to the folder' };
    }
    if (seen !== undefined && nowMs - seen.atMs < freshMs) return { kind: 'host', hostName };
    for (const candidate of candidates) {
      if (!(await this.#options.leadsTo(candidate, folderKey))) continue;
      this.note(candidate, folderKey);
      return { kind: 'host', hostName };
    }
    if (seen !== undefined && nowMs - seen.atMs < unusedMsMax) return { kind: 'host', hostName };
    const name = quoteReceived(hostName);
    return { kind: 'rests', reason: `no record has led to the folder for 30 days, as of ${name}` };
  }

  async #read(folderKey: FolderKey): Promise<Seen | undefined> {
    const [entry] = await this.#options.store.read(space, [keyOf(folderKey)]);
    const seen = entry === undefined ? undefined : parseSeen(entry.value);
    if (seen !== undefined) this.#seen.set(folderKey, seen);
    return seen;
  }

  async #store(folderKey: FolderKey, seen: Seen): Promise<void> {
    const value = Buffer.from(JSON.stringify(seen));
    const write = { key: keyOf(folderKey), op: 'put', value, ttlMs: keptMs } as const;
    await this.#options.store.commit(space, [write], { deadlineMs });
  }
}

/** Undefined for what is none, such as a row of another release: the next visit replaces it. */
function parseSeen(value: Uint8Array): Seen | undefined {
  try {
    const { hostName, atMs } = JSON.parse(Buffer.from(value).toString()) ?? {};
    return typeof hostName === 'string' && Number.isFinite(atMs)
      ? { hostName: hostName as HostName, atMs }
      : undefined;
  } catch {
    return undefined;
  }
}

function keyOf(folderKey: FolderKey): Uint8Array {
  return Buffer.from(`host\n${folderKey}`);
}
