/**
 * Edge: the file of owners' sessions in the state directory (0600), so that a restart signs nobody
 * out. It holds the hashes of what browsers have: whoever reads it is let in nowhere. Backups do
 * not hold it: a copy of the daemon elsewhere has no business with the browsers of this one.
 */
import { readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import type { FolderKey } from '../../names.ts';
import { writeDurably } from '../../outside/state/durable.ts';
import type { KeptSession } from '../dashboard/sessions.ts';

export type OwnerSessionRow = KeptSession<FolderKey>;

export interface KeptSessionsOptions {
  readonly stateDirectory: string;
  readonly journal: Journal;
  readonly rows: () => readonly OwnerSessionRow[];
}

export const keptSessionsName = 'owner-sessions.json';
/** When a session was seen last is not worth a write for each request. */
const seenMs = 60_000;
const fileBytesMax = 16 * 1024 * 1024;

export class KeptSessions {
  readonly #options: KeptSessionsOptions;
  readonly #path: string;
  #timer: NodeJS.Timeout | undefined;
  /** Each write begins when the one before is done: the newest must be the last. */
  #writing: Promise<void> = Promise.resolve();
  #isQueued = false;

  constructor(options: KeptSessionsOptions) {
    this.#options = options;
    this.#path = join(options.stateDirectory, keptSessionsName);
  }

  /** What the last daemon has left; nothing where it cannot be read, which is told. */
  read(): readonly OwnerSessionRow[] {
    try {
      const size = statSync(this.#path, { throwIfNoEntry: false })?.size;
      if (size === undefined) return [];
      if (size > fileBytesMax) throw new Error(`it must have at most ${fileBytesMax} bytes`);
      const { sessions } = JSON.parse(readFileSync(this.#path, 'utf8')) as FileContent;
      return (Array.isArray(sessions) ? sessions : []).filter(isRow);
    } catch (error) {
      this.#tell('read', error);
      return [];
    }
  }

  /** Begins and ends are kept at once: what has ended must not come back after a crash. */
  note(change: 'begun' | 'seen' | 'ended'): void {
    if (change !== 'seen') void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), seenMs).unref();
  }

  /** Writes them as they are now. Never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isQueued) return this.#writing;
    this.#isQueued = true;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    // What changes from here on is for the next.
    this.#isQueued = false;
    try {
      const content: FileContent = { schemaVersion: 1, sessions: this.#options.rows() };
      await writeDurably(this.#path, JSON.stringify(content));
    } catch (error) {
      this.#tell('written', error);
      // What has ended must not come back: on a full disk, too, a file can be deleted.
      await rm(this.#path, { force: true }).catch((failure) => this.#tell('deleted', failure));
    }
  }

  #tell(what: string, error: unknown): void {
    const reason = `${this.#path} could not be ${what}: ${describeError(error)}`;
    this.#options.journal.tell('admin-trouble', { reason });
  }
}

interface FileContent {
  readonly schemaVersion: 1;
  readonly sessions: readonly OwnerSessionRow[];
}

/** A file that was cut short or written by something else signs nobody in. */
function isRow(row: Partial<OwnerSessionRow> | null): row is OwnerSessionRow {
  if (typeof row !== 'object' || row === null) return false;
  const { address, hash, of, seenAtMs, startedAtMs } = row;
  const isTime = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);
  return (
    typeof hash === 'string' &&
    /^[\w-]{43}$/.test(hash) &&
    typeof of === 'string' &&
    of.startsWith('/') &&
    typeof address === 'string' &&
    isTime(seenAtMs) &&
    isTime(startedAtMs)
  );
}
