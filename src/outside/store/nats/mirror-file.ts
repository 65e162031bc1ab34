/**
 * The mirror: a file of what this node knows of spaces that it follows, so that every serving
 * thread reads it by a connection of its own and crosses no thread. Edge: SQLite. It is a cache:
 * nothing waits for the disk, and it is emptied at every start.
 */
import { rmSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { RowSink } from './engine.ts';
import { Liveness, machineMs } from './liveness.ts';
import { type Place, subjectOf } from './places.ts';
import type { Row } from './rows.ts';

const pageBytes = 4_096;
/** sqlite.org/rescode.html#full */
const sqliteFull = 13;

const tablesSql = `
  PRAGMA page_size = ${pageBytes};
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = OFF;
  CREATE TABLE IF NOT EXISTS rows (
    id INTEGER PRIMARY KEY,
    subject TEXT NOT NULL UNIQUE,
    stream INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    read_at_ms INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    value BLOB,
    meta BLOB,
    expires_at INTEGER
  ) STRICT;
  DELETE FROM rows;`;

type Job = { readonly subject: string; readonly place?: Place; readonly row?: Row };

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
    this.#liveness.beginEpoch();
    this.#database = new DatabaseSync(path);
    this.#database.exec(tablesSql);
    const pages = Math.max(64, Math.floor(bytesMax / pageBytes));
    this.#database.exec(`PRAGMA max_page_count = ${pages}`);
    this.#save = this.#database.prepare(
      `INSERT OR REPLACE INTO rows
         (subject, stream, epoch, read_at_ms, revision, value, meta, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#remove = this.#database.prepare('DELETE FROM rows WHERE subject = ?');
  }

  put(place: Place, key: Uint8Array, row: Row): void {
    this.#plan({ subject: subjectOf(place, key), place, row });
  }

  drop(subject: string): void {
    this.#plan({ subject });
  }

  clear(): void {
    this.#jobs = [];
    this.#liveness.beginEpoch();
    this.#database.exec('DELETE FROM rows');
  }

  alive(streamIndex: number, leftMs: number): void {
    this.#liveness.setAliveUntil(streamIndex, machineMs() + leftMs);
  }

  close(): void {
    this.#liveness.beginEpoch();
    this.#database.close();
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
      this.clear();
      const isFull = error instanceof Error && 'errcode' in error && error.errcode === sqliteFull;
      if (!isFull) throw error;
    }
  }

  #do({ subject, place, row }: Job): void {
    if (place === undefined || row === undefined) {
      this.#remove.run(subject);
      return;
    }
    const { entry, sequence } = row;
    const about = [
      subject,
      place.streamIndex,
      this.#liveness.epoch,
      Math.floor(machineMs()),
      sequence,
    ] as const;
    const { value = null, meta = null, expiresAtMs = null } = entry ?? {};
    this.#save.run(...about, value, meta, expiresAtMs);
  }
}

/** What an earlier process left. */
export function removeMirror(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
}
