/**
 * The key-value file itself, as its one writer sees it. Edge: SQLite by `node:sqlite`. Only the
 * writer thread (and tests) open it; everybody else reads.
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { inBytes } from '../../amounts.ts';
import { type OwnerKey, ownerOf } from '../../names.ts';
import { CapabilityRefusal } from '../refusal.ts';
import type {
  NamespaceName,
  StoreLimits,
  WriteAnswer,
  WriteRequest,
  WriterStart,
} from './messages.ts';
import { entryBytes, OwnerBytes } from './owners.ts';
import { Reclaim } from './reclaim.ts';
import { openDatabase, pageBytes, renameFolder } from './schema.ts';

/** A checkpoint is due when nobody writes, and latest after this, whoever waits. */
const journalBytesIdle = 4 * 1024 * 1024;
const journalBytesBusy = 16 * 1024 * 1024;
/** A leaf of the table and one of its index. */
const journalBytesPerWrite = 2 * pageBytes;

/** Counters of one namespace while a transaction runs; written back before its commit. */
interface Namespace {
  readonly id: number;
  readonly owner: OwnerKey;
  bytes: number;
  keys: number;
}

/** The file, opened for writing. Throws when it is not ours, damaged, or of a later release. */
export class KeyValueStore {
  /** Takes back what nobody can use any more. */
  readonly reclaim: Reclaim;
  readonly #database: DatabaseSync;
  readonly #limits: StoreLimits;
  readonly #touched = new Map<string, Namespace>();
  readonly #owners: OwnerBytes;
  /** Written since the last checkpoint, about. */
  #journalBytes = 0;
  readonly #findNamespace: StatementSync;
  readonly #addNamespace: StatementSync;
  readonly #saveNamespace: StatementSync;
  readonly #findValue: StatementSync;
  readonly #findValueBytes: StatementSync;
  readonly #saveValue: StatementSync;
  readonly #removeValue: StatementSync;

  constructor(start: WriterStart) {
    this.#limits = start.limits;
    const { databasePath: path, synchronous, limits } = start;
    this.#database = openDatabase({ path, synchronous, bytesMax: limits.kvBytesMax });
    const { renamed } = start;
    if (renamed !== undefined) renameFolder(this.#database, renamed.from, renamed.to);
    this.#owners = new OwnerBytes(limits);
    this.reclaim = new Reclaim(this.#database, this.#owners);
    const prepare = (sql: string): StatementSync => this.#database.prepare(sql);
    this.#findNamespace = prepare(
      'SELECT id, bytes, keys FROM namespaces WHERE folder_key = ? AND module_path = ?',
    );
    this.#addNamespace = prepare(
      `INSERT INTO namespaces (folder_key, module_path, owner, bytes, keys)
       VALUES (?, ?, ?, 0, 0)`,
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
    const sums = prepare(
      `SELECT owner, SUM(bytes + keys * ${entryBytes}) AS bytes FROM namespaces GROUP BY owner`,
    );
    for (const { owner, bytes } of sums.iterate()) {
      this.#owners.count(String(owner) as OwnerKey, Number(bytes));
    }
  }

  /** Whether pages should be moved from the journal into the file now. */
  isCheckpointDue(isIdle: boolean): boolean {
    return this.#journalBytes >= (isIdle ? journalBytesIdle : journalBytesBusy);
  }

  /** Moves the pages of the journal into the file, so that the journal begins anew. */
  checkpoint(): void {
    this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    this.#journalBytes = 0;
  }

  /** Bytes that the namespaces of an owner take. */
  bytesOf(owner: OwnerKey): number {
    return this.#owners.of(owner);
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
    this.#owners.begin();
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const answers = requests.map((request) => this.#applyOne(request));
      for (const namespace of this.#touched.values()) {
        this.#saveNamespace.run(namespace.bytes, namespace.keys, namespace.id);
      }
      this.#database.exec('COMMIT');
      this.#owners.commit();
      for (const { key, value } of requests) {
        this.#journalBytes += key.byteLength + value.byteLength + journalBytesPerWrite;
      }
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
        this.#grow(namespace, { bytes: -key.byteLength - presentBytes, keys: -1 });
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
    this.#grow(namespace, { bytes: addedBytes, keys: wasPresent ? 0 : 1 });
    return { id, wasPresent };
  }

  #grow(namespace: Namespace, by: { readonly bytes: number; readonly keys: number }): void {
    namespace.bytes += by.bytes;
    namespace.keys += by.keys;
    this.#owners.add(namespace.owner, by.bytes + by.keys * entryBytes);
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
      const rule = `a value has at most ${inBytes(kvValueBytesMax)}`;
      return limitRefusal(rule, `${change.valueBytes} bytes`);
    }
    // What makes the namespace smaller is always allowed, also after the limit was lowered.
    if (change.addedBytes > 0 && namespace.bytes + change.addedBytes > kvNamespaceBytesMax) {
      const rule = `a module stores at most ${inBytes(kvNamespaceBytesMax)}, keys included`;
      return limitRefusal(rule, `${change.addedBytes} bytes over ${namespace.bytes}; remove some`);
    }
    if (!change.wasPresent && namespace.keys >= kvNamespaceKeysMax) {
      const rule = `a module stores at most ${kvNamespaceKeysMax} keys`;
      return limitRefusal(rule, 'one more; remove some');
    }
    const added = change.addedBytes + (change.wasPresent ? 0 : entryBytes);
    return this.#owners.refusalOf(namespace.owner, added);
  }

  #namespaceOf(request: WriteRequest): Namespace {
    const { folderKey, modulePath } = request;
    const name = `${folderKey}\0${modulePath}`;
    const known = this.#touched.get(name);
    if (known !== undefined) return known;
    const owner = ownerOf(folderKey);
    const row =
      this.#findNamespace.get(folderKey, modulePath) ?? this.#makeNamespace(request, owner);
    const { id, bytes, keys } = row;
    const namespace = { id: Number(id), owner, bytes: Number(bytes), keys: Number(keys) };
    this.#touched.set(name, namespace);
    return namespace;
  }

  #makeNamespace(name: NamespaceName, owner: OwnerKey): Readonly<Record<string, unknown>> {
    const made = this.#addNamespace.run(name.folderKey, name.modulePath, owner);
    return { id: made.lastInsertRowid, bytes: 0, keys: 0 };
  }
}

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
