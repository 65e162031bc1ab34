/**
 * The key-value file itself, as its one writer sees it. Edge: SQLite by `node:sqlite`. Only the
 * writer thread (and tests) open it; everybody else reads.
 */
import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { makeDirectory } from '../site/make-directory.ts';
import type { StoreLimits, WriteAnswer, WriteRequest, WriterStart } from './kv-messages.ts';
import { CapabilityRefusal } from './refusal.ts';

/** `user_version` of the file. A higher one was written by a later release. */
const schemaVersion = 1;

const schemaSql = `
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
  ) STRICT;
  PRAGMA user_version = ${schemaVersion};`;

const journalBytesMax = 64 * 1024 * 1024;
const pageBytes = 4096;

/** Counters of one namespace while a transaction runs; written back before its commit. */
interface Namespace {
  readonly id: number;
  bytes: number;
  keys: number;
}

/** The file, opened for writing. Throws when it is not ours, damaged, or of a later release. */
export class KeyValueStore {
  readonly #database: DatabaseSync;
  readonly #limits: StoreLimits;
  readonly #touched = new Map<string, Namespace>();
  readonly #findNamespace: StatementSync;
  readonly #addNamespace: StatementSync;
  readonly #saveNamespace: StatementSync;
  readonly #findValue: StatementSync;
  readonly #findValueBytes: StatementSync;
  readonly #saveValue: StatementSync;
  readonly #removeValue: StatementSync;

  constructor(start: WriterStart) {
    this.#limits = start.limits;
    this.#database = openDatabase(start);
    const prepare = (sql: string): StatementSync => this.#database.prepare(sql);
    this.#findNamespace = prepare(
      'SELECT id, bytes, keys FROM namespaces WHERE folder_key = ? AND module_path = ?',
    );
    this.#addNamespace = prepare(
      'INSERT INTO namespaces (folder_key, module_path, bytes, keys) VALUES (?, ?, 0, 0)',
    );
    this.#saveNamespace = prepare('UPDATE namespaces SET bytes = ?, keys = ? WHERE id = ?');
    this.#findValue = prepare('SELECT value FROM entries WHERE namespace = ? AND key = ?');
    this.#findValueBytes = prepare(
      'SELECT length(value) AS bytes FROM entries WHERE namespace = ? AND key = ?',
    );
    this.#saveValue = prepare(
      `INSERT INTO entries (namespace, key, value) VALUES (?, ?, ?)
       ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value`,
    );
    this.#removeValue = prepare('DELETE FROM entries WHERE namespace = ? AND key = ?');
  }

  /**
   * Does all of `requests` in one transaction, in order, and returns after the commit. A request
   * that crosses a limit gets a refusal and changes nothing; the others are not disturbed.
   */
  apply(requests: readonly WriteRequest[]): readonly WriteAnswer[] {
    try {
      return this.#applyTogether(requests);
    } catch (error) {
      if (requests.length === 1) return requests.map(({ id }) => refuse(id, error));
      // One request may fail for all, say by filling the file: find out which one.
      return requests.flatMap((request) => this.apply([request]));
    }
  }

  close(): void {
    this.#database.close();
  }

  #applyTogether(requests: readonly WriteRequest[]): readonly WriteAnswer[] {
    this.#touched.clear();
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const answers = requests.map((request) => this.#applyOne(request));
      for (const namespace of this.#touched.values()) {
        this.#saveNamespace.run(namespace.bytes, namespace.keys, namespace.id);
      }
      this.#database.exec('COMMIT');
      return answers;
    } catch (error) {
      // Some failures end the transaction by themselves (sqlite.org/lang_transaction.html).
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #applyOne(request: WriteRequest): WriteAnswer {
    const { id, key, operation } = request;
    const namespace = this.#namespaceOf(request);
    const found = this.#findValueBytes.get(namespace.id, key)?.bytes;
    const presentBytes = typeof found === 'number' ? found : undefined;
    const wasPresent = presentBytes !== undefined;
    if (operation === 'remove') {
      if (wasPresent) {
        this.#removeValue.run(namespace.id, key);
        namespace.keys -= 1;
        namespace.bytes -= key.byteLength + presentBytes;
      }
      return { id, wasPresent };
    }
    if (operation === 'insert-if-absent' && wasPresent) return { id, wasPresent };
    const appended = operation === 'append' ? (presentBytes ?? 0) : 0;
    const valueBytes = appended + request.value.byteLength;
    const addedBytes = wasPresent ? valueBytes - presentBytes : key.byteLength + valueBytes;
    const refusal = this.#refusalOf(namespace, { valueBytes, addedBytes, wasPresent });
    if (refusal !== undefined) return refuse(id, refusal);
    const value = appended > 0 ? this.#joined(namespace, request) : request.value;
    this.#saveValue.run(namespace.id, key, value);
    namespace.bytes += addedBytes;
    if (!wasPresent) namespace.keys += 1;
    return { id, wasPresent };
  }

  #joined(namespace: Namespace, request: WriteRequest): Uint8Array {
    const present = this.#findValue.get(namespace.id, request.key)?.value;
    if (!(present instanceof Uint8Array)) return request.value;
    const joined = new Uint8Array(present.byteLength + request.value.byteLength);
    joined.set(present, 0);
    joined.set(request.value, present.byteLength);
    return joined;
  }

  #refusalOf(
    namespace: Namespace,
    change: {
      readonly valueBytes: number;
      readonly addedBytes: number;
      readonly wasPresent: boolean;
    },
  ): CapabilityRefusal | undefined {
    const { kvValueBytesMax, kvNamespaceBytesMax, kvNamespaceKeysMax } = this.#limits;
    if (change.valueBytes > kvValueBytesMax) {
      const rule = `a value has at most ${kvValueBytesMax} bytes`;
      return limitRefusal(rule, `${change.valueBytes} bytes`);
    }
    // What makes the namespace smaller is always allowed, also after the limit was lowered.
    if (change.addedBytes > 0 && namespace.bytes + change.addedBytes > kvNamespaceBytesMax) {
      const rule = `a module stores at most ${kvNamespaceBytesMax} bytes, keys included`;
      return limitRefusal(rule, `${change.addedBytes} bytes over ${namespace.bytes}; remove some`);
    }
    if (!change.wasPresent && namespace.keys >= kvNamespaceKeysMax) {
      const rule = `a module stores at most ${kvNamespaceKeysMax} keys`;
      return limitRefusal(rule, 'one more; remove some');
    }
    return undefined;
  }

  #namespaceOf(request: WriteRequest): Namespace {
    const { folderKey, modulePath } = request;
    const name = `${folderKey}\0${modulePath}`;
    const known = this.#touched.get(name);
    if (known !== undefined) return known;
    const row = this.#findNamespace.get(folderKey, modulePath);
    const namespace =
      row === undefined
        ? { id: Number(this.#addNamespace.run(folderKey, modulePath).lastInsertRowid), ...empty }
        : { id: Number(row.id), bytes: Number(row.bytes), keys: Number(row.keys) };
    this.#touched.set(name, namespace);
    return namespace;
  }
}

const empty = { bytes: 0, keys: 0 };

function limitRefusal(rule: string, received: string): CapabilityRefusal {
  return new CapabilityRefusal('limit', `Cannot store: ${rule}: received ${received}`);
}

function refuse(id: number, error: unknown): WriteAnswer {
  if (error instanceof CapabilityRefusal) {
    return { id, refusal: { kind: error.kind, message: error.message } };
  }
  const reason = error instanceof Error ? error.message : String(error);
  const message = `Cannot use the key-value store: writing failed: ${reason}`;
  return { id, refusal: { kind: 'unavailable', message } };
}

function openDatabase(start: WriterStart): DatabaseSync {
  makeDirectory(dirname(start.databasePath));
  // SQLite gives its journal files the mode of the database file: nobody else may read them.
  closeSync(openSync(start.databasePath, 'a', 0o600));
  const database = new DatabaseSync(start.databasePath);
  try {
    database.exec(`PRAGMA page_size = ${pageBytes}`);
    setDurability(database, start.synchronous);
    database.exec(`PRAGMA journal_size_limit = ${journalBytesMax}`);
    migrate(database);
    const pagesMax = Math.max(1, Math.floor(start.databaseBytesMax / pageBytes));
    database.exec(`PRAGMA max_page_count = ${pagesMax}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
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
  const level = database.prepare('PRAGMA synchronous').get()?.synchronous;
  // sqlite.org/pragma.html#pragma_synchronous
  if (level !== { normal: 1, full: 2 }[synchronous]) {
    throw new Error(`synchronous must be ${synchronous}: received ${level}`);
  }
}

function migrate(database: DatabaseSync): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
  if (version === schemaVersion) return;
  if (version !== 0) {
    throw new Error(`its format is version ${version}, this release knows ${schemaVersion}`);
  }
  database.exec(`BEGIN IMMEDIATE; ${schemaSql} COMMIT`);
}
