/** Edge: the file of the shared store, opened for writing by SQLite, in today's format. */
import { chmodSync, closeSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeDirectory } from '../state/make-directory.ts';

/** `user_version` of the file. A higher one was written by a later release. */
const schemaVersion = 1;

/**
 * `gone_at_ms` is kept for guests' spaces alone. Revisions come from one counter for the file,
 * which says up to where they may have been given: a writer takes many at once. A value is the last
 * of its row: what stood behind a large one could only be read by following all of its pages. Files
 * that were made before have it in the middle, and work as well.
 */
const tablesSql = `
  CREATE TABLE spaces (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    area TEXT NOT NULL,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    keys INTEGER NOT NULL,
    gone_at_ms INTEGER,
    UNIQUE (area, name)
  ) STRICT;
  CREATE TABLE entries (
    space INTEGER NOT NULL REFERENCES spaces (id),
    key BLOB NOT NULL,
    revision INTEGER NOT NULL,
    expires_at INTEGER,
    meta BLOB,
    value BLOB NOT NULL,
    PRIMARY KEY (space, key)
  ) STRICT;
  CREATE INDEX entries_expiry ON entries (expires_at) WHERE expires_at IS NOT NULL;
  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO counters VALUES ('revision', 0);
  CREATE TABLE imports (
    source TEXT PRIMARY KEY,
    inode TEXT NOT NULL,
    at_ms INTEGER NOT NULL
  ) STRICT;`;

const journalBytesMax = 64 * 1024 * 1024;
const busyTimeoutMs = 10_000;
export const pageBytes = 4096;
/** sqlite.org/pragma.html#pragma_auto_vacuum */
const incremental = 2;

export type Synchronous = 'normal' | 'full';

/** Where the shared store is within the state directory. */
export function storePath(stateDirectory: string): string {
  return join(stateDirectory, 'shared.sqlite');
}

/** @throws when the file is not ours, damaged, or of a later release */
export function openDatabase(path: string): DatabaseSync {
  makeDirectory(dirname(path));
  // SQLite gives its journal files the mode of the database file: nobody else may read them.
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs });
  try {
    database.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA auto_vacuum = ${incremental}`);
    requireJournal(database);
    database.exec(`PRAGMA journal_size_limit = ${journalBytesMax}`);
    // SQLite would move pages into the file inside a commit, before its writes are answered.
    database.exec('PRAGMA wal_autocheckpoint = 0');
    makeTables(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** What a commit waits for; SQLite is asked, because it keeps silent when it cannot do it. */
export function setSynchronous(database: DatabaseSync, synchronous: Synchronous): void {
  database.exec(`PRAGMA synchronous = ${synchronous}`);
  const level = readPragma(database, 'synchronous');
  // sqlite.org/pragma.html#pragma_synchronous
  if (level !== { normal: 1, full: 2 }[synchronous]) {
    throw new Error(`synchronous must be ${synchronous}: received ${level}`);
  }
}

/** A number that SQLite knows of the file. */
export function readPragma(database: DatabaseSync, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

/** Does `work` as one transaction, which is begun for writing. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // Some failures end the transaction by themselves (sqlite.org/lang_transaction.html).
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** On some network file systems SQLite cannot write ahead; acknowledged writes could be lost. */
function requireJournal(database: DatabaseSync): void {
  const journal = database.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode;
  if (journal !== 'wal') {
    throw new Error(`its file system must allow a write-ahead log: received ${journal}`);
  }
}

/** Another process may be doing the same at this moment. */
function makeTables(database: DatabaseSync): void {
  inTransaction(database, () => {
    const version = readPragma(database, 'user_version');
    if (version > schemaVersion || version < 0) {
      throw new Error(`its format is version ${version}, this release knows ${schemaVersion}`);
    }
    if (version === schemaVersion) return;
    database.exec(`${tablesSql} PRAGMA user_version = ${schemaVersion}`);
  });
}
