/**
 * How often passwords of a folder were tried in vain, on all nodes together. It is written down
 * after failures alone, and bounds what is tried: while the engine is away, or behind, each node
 * has its own count. Edge: the shared store.
 */
import type { BucketRule } from '../../account/token-buckets.ts';
import type { FolderKey } from '../../names.ts';
import { type SharedStore, type Space, StoreError } from '../../outside/store/contract.ts';

export interface SharedLoginsOptions {
  readonly store: Pick<SharedStore, 'commit' | 'read'>;
  readonly rule: BucketRule;
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: () => number;
}

interface Bucket {
  /** Tries that are left. */
  readonly tokens: number;
  readonly atMs: number;
}

const key = Buffer.from('logins');
const wait = { deadlineMs: 5_000 };
/** Other nodes write it too; what fails more often is counted here alone. */
const triesMax = 10;

export class SharedLogins {
  readonly #options: SharedLoginsOptions;
  /** Failures that are still to be written down. */
  readonly #failures = new Map<FolderKey, number>();

  constructor(options: SharedLoginsOptions) {
    this.#options = options;
  }

  /** Whether a password of the folder may be tried, as far as it is known. Never rejects. */
  async mayTry(folderKey: FolderKey): Promise<boolean> {
    try {
      const [entry] = await this.#options.store.read(spaceOf(folderKey), [key]);
      return this.#fill(entry?.value).tokens >= 1;
    } catch (error) {
      if (error instanceof StoreError) return true;
      throw error;
    }
  }

  /** Counts one that failed; others need not wait for it. */
  noteFailure(folderKey: FolderKey): void {
    const known = this.#failures.get(folderKey);
    this.#failures.set(folderKey, (known ?? 0) + 1);
    if (known === undefined) void this.#write(folderKey);
  }

  async #write(folderKey: FolderKey): Promise<void> {
    try {
      while ((this.#failures.get(folderKey) ?? 0) > 0) {
        const count = this.#failures.get(folderKey) ?? 0;
        await this.#take(folderKey, count);
        this.#failures.set(folderKey, (this.#failures.get(folderKey) ?? 0) - count);
      }
    } catch (error) {
      // The node's own count goes on.
      if (!(error instanceof StoreError)) throw error;
    } finally {
      this.#failures.delete(folderKey);
    }
  }

  /** Rejects with StoreError. */
  async #take(folderKey: FolderKey, count: number): Promise<void> {
    const { rule, store } = this.#options;
    const space = spaceOf(folderKey);
    for (let tries = 0; tries < triesMax; tries += 1) {
      const [entry] = await store.read(space, [key]);
      const { atMs, tokens } = this.#fill(entry?.value);
      const left: Bucket = { tokens: Math.max(0, tokens - count), atMs };
      const value = Buffer.from(JSON.stringify(left));
      // Full again by then: it is as if it had never been.
      const ttlMs = (rule.burst / rule.perSecond) * 1_000;
      const ifRevision = entry?.revision ?? 0;
      const write = { key, op: 'put', value, ttlMs, ifRevision } as const;
      if ((await store.commit(space, [write], wait)).kind === 'done') return;
    }
  }

  #fill(value: Uint8Array | undefined): Bucket {
    const { rule, wallMs } = this.#options;
    const nowMs = wallMs();
    const known = value === undefined ? undefined : parseBucket(value);
    if (known === undefined) return { tokens: rule.burst, atMs: nowMs };
    const { atMs, tokens } = known;
    const gained = (Math.max(0, nowMs - atMs) / 1_000) * rule.perSecond;
    return { tokens: Math.min(rule.burst, tokens + gained), atMs: nowMs };
  }
}

/** Undefined for what is none, such as a row of another release: the next failure replaces it. */
function parseBucket(value: Uint8Array): Bucket | undefined {
  try {
    const { atMs, tokens } = JSON.parse(Buffer.from(value).toString()) ?? {};
    return Number.isFinite(atMs) && Number.isFinite(tokens) ? { atMs, tokens } : undefined;
  } catch {
    return undefined;
  }
}

function spaceOf(folderKey: FolderKey): Space {
  return { area: 'site', name: folderKey };
}
