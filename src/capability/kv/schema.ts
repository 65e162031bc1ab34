/** Edge: the key-value file, opened for writing by SQLite, and brought to today's format. */
import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type FolderKey, ownerOf } from '../../names.ts';
import { makeDirectory } from '../../outside/state/make-directory.ts';

/** `user_version` of the file. A higher one was written by a later release. */
const schemaVersion = 2;

const tablesSql = `
  CREATE TABLE namespaces (
    id INTEGER PRIMARY KEY,
    folder_key TEXT NOT NULL,
    module_path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    keys INTEGER NOT NULL,
    UNIQUE (folder_key, module_path)
  ) STRICT;
  CREATE TABLE entries (
    namespace INTEGER NOT NULL REFERENCES namespaces (id),
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (namespace, key)
  ) STRICT;`;

/** Version 2: whose each namespace is, and since when its module has been gone. */
const ownersSql = `
  ALTER TABLE namespaces ADD COLUMN owner TEXT NOT NULL DEFAULT '';
  ALTER TABLE namespaces ADD COLUMN gone_at_ms INTEGER;`;

const journalBytesMax = 64 * 1024 * 1024;
export const pageBytes = 4096;
/** Files of the first format are rewritten once so that they can shrink; larger ones stay. */
const rewrittenBytesMax = 256 * 1024 * 1024;
/** sqlite.org/pragma.html#pragma_auto_vacuum */
const incremental = 2;

export interface DatabaseOptions {
  readonly path: string;
  readonly synchronous: 'normal' | 'full';
  readonly bytesMax: number;
}

/** Throws when the file is not ours, damaged, or of a later release. */
export function openDatabase(options: DatabaseOptions): DatabaseSync {
  makeDirectory(dirname(options.path));
  // SQLite gives its journal files the mode of the database file: nobody else may read them.
  closeSync(openSync(options.path, 'a', 0o600));
  const database = new DatabaseSync(options.path);
  try {
    database.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA auto_vacuum = ${incremental}`);
    setDurability(database, options.synchronous);
    database.exec(`PRAGMA journal_size_limit = ${journalBytesMax}`);
    // SQLite would move pages into the file inside a commit, before its writes are answered.
    database.exec('PRAGMA wal_autocheckpoint = 0');
    migrate(database);
    const pagesMax = Math.max(1, Math.floor(options.bytesMax / pageBytes));
    database.exec(`PRAGMA max_page_count = ${pagesMax}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** What modules stored under `from` is theirs under `to`, but where they have stored there, too. */
export function renameFolder(database: DatabaseSync, from: FolderKey, to: FolderKey): void {
  database
    .prepare('UPDATE OR IGNORE namespaces SET folder_key = ?, owner = ? WHERE folder_key = ?')
    .run(to, ownerOf(to), from);
}

/** A number that SQLite knows of the file. */
export function readPragma(database: DatabaseSync, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

/**
 * SQLite keeps silent when it cannot do what it is told, for example write ahead on a network file
 * system; then acknowledged writes could be lost, so it is asked what it really does.
 */
function setDurability(database: DatabaseSync, synchronous: 'normal' | 'full'): void {
  const journal = database.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode;
  if (journal !== 'wal') {
    throw new Error(`its file system must allow a write-ahead log: received ${journal}`);
  }
  database.exec(`PRAGMA synchronous = ${synchronous}`);
  const level = readPragma(database, 'synchronous');
  // sqlite.org/pragma.html#pragma_synchronous
  if (level !== { normal: 1, full: 2 }[synchronous]) {
    throw new Error(`synchronous must be ${synchronous}: received ${level}`);
  }
}

function migrate(database: DatabaseSync): void {
  const version = readPragma(database, 'user_version');
  if (version > schemaVersion || version < 0) {
    throw new Error(`its format is version ${version}, this release knows ${schemaVersion}`);
  }
  if (version === schemaVersion) return;
  database.exec('BEGIN IMMEDIATE');
  if (version === 0) database.exec(tablesSql);
  database.exec(ownersSql);
  nameOwners(database);
  database.exec(`PRAGMA user_version = ${schemaVersion}; COMMIT`);
  if (version === 1 && sizeOf(database) <= rewrittenBytesMax) makeShrinkable(database);
}

function nameOwners(database: DatabaseSync): void {
  const save = database.prepare('UPDATE namespaces SET owner = ? WHERE id = ?');
  for (const { id, folder_key } of database.prepare('SELECT * FROM namespaces').all()) {
    save.run(ownerOf(String(folder_key) as FolderKey), Number(id));
  }
}

/** How a file is vacuumed can only be changed by rewriting it. */
function makeShrinkable(database: DatabaseSync): void {
  database.exec(`PRAGMA auto_vacuum = ${incremental}; VACUUM`);
}

function sizeOf(database: DatabaseSync): number {
  return readPragma(database, 'page_count') * pageBytes;
}
