/**
 * The mirror: a file of what this node knows of spaces that it follows, so that every serving
 * thread reads it by a connection of its own and crosses no thread. Edge: SQLite. It is a cache:
 * nothing waits for the disk, and it is emptied at every start.
 */
import { rmSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { Liveness, machineMs } from './liveness.ts';
import { mirrorKey, mirrorPlaceOf } from './mirror-key.ts';
import type { Place } from './places.ts';
import type { RowSink } from './row-sink.ts';
import type { Row } from './rows.ts';

const pageBytes = 4_096;
/** sqlite.org/rescode.html#full */
const sqliteFull = 13;

const tablesSql = `
  PRAGMA page_size = ${pageBytes};
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = OFF;
  CREATE TABLE IF NOT EXISTS rows (
    space BLOB NOT NULL,
    key ANY NOT NULL,
    read_at_ms INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    value BLOB,
    meta BLOB,
    expires_at INTEGER,
    PRIMARY KEY (space, key)
  ) STRICT;
  DELETE FROM rows;`;

interface Job {
  readonly space: Uint8Array;
  readonly key: Uint8Array | string;
  /** Undefined: it is not known any more. */
  readonly row: Row | undefined;
}

export interface MirrorFileOptions {
  readonly path: string;
  readonly bytesMax: number;
  readonly liveness: SharedArrayBuffer;
}

export class MirrorFile implements RowSink {
  readonly #database: DatabaseSync;
  readonly #liveness: Liveness;
  readonly #save: StatementSync;
  readonly #remove: StatementSync;
  #jobs: Job[] = [];

  /** @throws what SQLite throws */
  constructor({ path, bytesMax, liveness }: MirrorFileOptions) {
    this.#liveness = new Liveness(liveness);
    this.#database = new DatabaseSync(path);
    this.#liveness.interrupt(() => this.#database.exec(tablesSql), 'dead');
    const pages = Math.max(64, Math.floor(bytesMax / pageBytes));
    this.#database.exec(`PRAGMA max_page_count = ${pages}`);
    this.#save = this.#database.prepare(
      `INSERT OR REPLACE INTO rows
         (space, key, read_at_ms, revision, value, meta, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#remove = this.#database.prepare('DELETE FROM rows WHERE space = ? AND key = ?');
  }

  put(place: Place, key: Uint8Array, row: Row): void {
    this.#plan({ space: place.id, key: mirrorKey(key), row });
  }

  drop(subject: string): void {
    const place = mirrorPlaceOf(subject);
    if (place !== undefined) this.#plan({ ...place, row: undefined });
  }

  clear(): void {
    this.#empty('dead');
  }

  alive(streamIndex: number, leftMs: number): void {
    this.#liveness.setAliveUntil(streamIndex, machineMs() + leftMs);
  }

  close(): void {
    this.#liveness.interrupt(() => this.#database.close(), 'dead');
  }

  #empty(after: 'dead' | 'as-before'): void {
    this.#jobs = [];
    this.#liveness.interrupt(() => this.#database.exec('DELETE FROM rows'), after);
  }

  /** Before anything that waits for a promise goes on: what is said to be written is there. */
  #plan(job: Job): void {
    this.#jobs.push(job);
    if (this.#jobs.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const jobs = this.#jobs;
    this.#jobs = [];
    if (jobs.length === 0) return;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      for (const job of jobs) this.#do(job);
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      // What was to be written is unknown, and so no row is true.
      this.#empty('as-before');
      const isFull = error instanceof Error && 'errcode' in error && error.errcode === sqliteFull;
      if (!isFull) throw error;
    }
  }

  #do({ space, key, row }: Job): void {
    if (row === undefined) {
      this.#remove.run(space, key);
      return;
    }
    const { entry, sequence } = row;
    const { value = null, meta = null, expiresAtMs = null } = entry ?? {};
    this.#save.run(space, key, Math.floor(machineMs()), sequence, value, meta, expiresAtMs);
  }
}

/** What an earlier process left. */
export function removeMirror(path: string): void {
  for (const suffix of ['', '-wal', '-shm'])
    rmSync(`${path}${suffix}`, { recursive: true, force: true });
}
