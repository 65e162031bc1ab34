/**
 * Who runs which slot of a schedule: a claim is stored, durably and once over all daemons, before
 * the run begins. So a slot is run at most once, also when a daemon is killed or clocks differ: a
 * claim is never given back, and is kept longer than any clock is wrong.
 */
import { randomBytes } from 'node:crypto';
import type { FolderKey } from '../../names.ts';
import { type SharedStore, type Space, StoreError } from '../../outside/store/contract.ts';

export interface Slot {
  readonly folderKey: FolderKey;
  readonly entryId: string;
  /** Milliseconds since the Unix epoch. */
  readonly scheduledAtMs: number;
}

export interface UnfinishedClaim extends Slot {
  readonly modulePath: string;
}

interface ClaimRow {
  readonly state: 'started' | 'finished' | 'unknown';
  /** Of this one attempt: whoever finds it stored has won. */
  readonly token: string;
  readonly node: string;
  readonly modulePath: string;
}

const space: Space = { area: 'site', name: 'cron' };
export const claimKeptMs = 26 * 3_600_000;
/** Longer than the rarest nickname, `@monthly`, twice. */
const firstSeenKeptMs = 70 * 24 * 3_600_000;
const deadlineMs = 5_000;
const pageMax = 500;
/** Digits enough for any time that a clock shows: keys sort by time. */
const timeDigits = 15;

export interface ClaimsOptions {
  readonly store: Pick<SharedStore, 'commit' | 'read' | 'list'>;
  /** This daemon, the same after a restart. */
  readonly node: string;
}

export class CronClaims {
  readonly #options: ClaimsOptions;

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /**
   * Whether the slot is this caller's to run, from now on for good.
   *
   * @throws StoreError when nobody can say: the slot must not be run then.
   */
  async claim(slot: Slot, modulePath: string): Promise<boolean> {
    const { node } = this.#options;
    const token = randomBytes(12).toString('hex');
    const row: ClaimRow = { state: 'started', token, node, modulePath };
    const write = { key: keyOf(slot), op: 'put', value: encode(row), ttlMs: claimKeptMs } as const;
    try {
      const result = await this.#options.store.commit(space, [{ ...write, ifRevision: 0 }], {
        deadlineMs,
      });
      return result.kind === 'done';
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== 'unknown') throw error;
      return (await this.#read(keyOf(slot)))?.token === token;
    }
  }

  /** The run is over, well or not. A failure is no matter: the claim stands. */
  async finish(slot: Slot, modulePath: string): Promise<void> {
    await this.#end(slot, { state: 'finished', modulePath });
  }

  /** What this daemon had begun when it ended last; each is told once. */
  async takeUnfinished(): Promise<readonly UnfinishedClaim[]> {
    const { node } = this.#options;
    const unfinished: UnfinishedClaim[] = [];
    for await (const key of this.#keysBelow('claim\n')) {
      const slot = slotOf(key);
      const row = await this.#read(key);
      if (slot === undefined || row?.state !== 'started' || row.node !== node) continue;
      unfinished.push({ ...slot, modulePath: row.modulePath });
      await this.#end(slot, { state: 'unknown', modulePath: row.modulePath });
    }
    return unfinished;
  }

  /** The newest slot of an entry that anybody has claimed. */
  async newestClaimed(folderKey: FolderKey, entryId: string): Promise<number | undefined> {
    let newest: number | undefined;
    for await (const key of this.#keysBelow(`claim\n${folderKey}\n${entryId}\n`)) {
      newest = slotOf(key)?.scheduledAtMs ?? newest;
    }
    return newest;
  }

  /** Since when the entry is known; what came before it was not missed. */
  async knownSince(folderKey: FolderKey, entryId: string, nowMs: number): Promise<number> {
    const key = Buffer.from(`since\n${folderKey}\n${entryId}`);
    const [kept] = await this.#options.store.read(space, [key]);
    const since = kept === undefined ? nowMs : Number(Buffer.from(kept.value).toString());
    const sinceMs = Number.isSafeInteger(since) ? since : nowMs;
    const value = Buffer.from(String(sinceMs));
    await this.#options.store.commit(space, [{ key, op: 'put', value, ttlMs: firstSeenKeptMs }], {
      deadlineMs,
    });
    return sinceMs;
  }

  async #end(slot: Slot, end: Pick<ClaimRow, 'state' | 'modulePath'>): Promise<void> {
    const row: ClaimRow = { ...end, token: '', node: this.#options.node };
    const write = { key: keyOf(slot), op: 'put', value: encode(row), ttlMs: claimKeptMs } as const;
    await this.#options.store.commit(space, [write], { deadlineMs });
  }

  async #read(key: Uint8Array): Promise<ClaimRow | undefined> {
    const [entry] = await this.#options.store.read(space, [key], { fresh: true });
    return entry === undefined ? undefined : parseRow(entry.value);
  }

  async *#keysBelow(start: string): AsyncGenerator<Uint8Array> {
    const prefix = Buffer.from(start);
    let after: Uint8Array | undefined;
    for (;;) {
      const page = await this.#options.store.list(space, {
        prefix,
        limit: pageMax,
        ...(after === undefined ? {} : { after }),
      });
      for (const { key } of page.items) yield key;
      after = page.items.at(-1)?.key;
      if (page.isLast || after === undefined) return;
    }
  }
}

function keyOf({ folderKey, entryId, scheduledAtMs }: Slot): Uint8Array {
  const time = String(scheduledAtMs).padStart(timeDigits, '0');
  return Buffer.from(`claim\n${folderKey}\n${entryId}\n${time}`);
}

/** From behind: the path of a folder that is served alone may hold a line feed. */
function slotOf(key: Uint8Array): Slot | undefined {
  const parts = Buffer.from(key).toString('utf8').split('\n');
  const time = Number(parts.at(-1));
  const entryId = parts.at(-2);
  if (entryId === undefined || !Number.isSafeInteger(time)) return undefined;
  const folderKey = parts.slice(1, -2).join('\n') as FolderKey;
  return { folderKey, entryId, scheduledAtMs: time };
}

/** Undefined for what is none, such as a row of another release: the claim stands all the same. */
function parseRow(value: Uint8Array): ClaimRow | undefined {
  try {
    const { state, token, node, modulePath } = JSON.parse(Buffer.from(value).toString()) ?? {};
    const isRow = [state, token, node, modulePath].every((each) => typeof each === 'string');
    return isRow ? { state, token, node, modulePath } : undefined;
  } catch {
    return undefined;
  }
}

function encode(row: ClaimRow): Uint8Array {
  return Buffer.from(JSON.stringify(row));
}
