/**
 * Edge: the key-value file, by SQLite. Takes back what nobody can use any more, a little at a time:
 * entries of modules that are long gone, and pages of the file that are free.
 */
import type { DatabaseSync } from 'node:sqlite';
import { ownerOf } from '../../names.ts';
import type { NamespaceChange, NamespaceName } from './messages.ts';
import { entryBytes, type OwnerBytes } from './owners.ts';
import { readPragma } from './schema.ts';

/** Taken off a forgotten namespace in one step: writes wait for no longer than that. */
const entriesPerStep = 512;
const entryBytesPerStep = 1024 * 1024;
/** Free pages that stay in the file for what comes next, and how many go in one step. */
const freePagesKept = 1_024;
const freePagesPerStep = 256;

export class Reclaim {
  readonly #database: DatabaseSync;
  readonly #owners: OwnerBytes;
  #forgotten: NamespaceName[] = [];

  constructor(database: DatabaseSync, owners: OwnerBytes) {
    this.#database = database;
    this.#owners = owners;
  }

  /** Takes note at once; what is forgotten goes step by step. */
  note(changes: readonly NamespaceChange[]): void {
    const mark = this.#database.prepare(
      'UPDATE namespaces SET gone_at_ms = ? WHERE folder_key = ? AND module_path = ?',
    );
    for (const { change, folderKey, modulePath, atMs } of changes) {
      if (change === 'forgotten') this.#forgotten.push({ folderKey, modulePath });
      else mark.run(change === 'gone' ? atMs : null, folderKey, modulePath);
    }
  }

  /** Whether there is something to do when nobody writes. */
  get isDue(): boolean {
    return this.#forgotten.length > 0 || this.#freePagesTooMany() > 0;
  }

  /** One step: one short transaction. */
  step(): void {
    const [name] = this.#forgotten;
    if (name !== undefined) {
      if (this.#forgetSome(name)) this.#forgotten.shift();
      return;
    }
    const pages = Math.min(freePagesPerStep, this.#freePagesTooMany());
    if (pages > 0) this.#database.exec(`PRAGMA incremental_vacuum(${pages})`);
  }

  /** Takes some entries off a namespace, at last the namespace itself; whether it is gone now. */
  #forgetSome({ folderKey, modulePath }: NamespaceName): boolean {
    const row = this.#database
      .prepare('SELECT id, bytes, keys FROM namespaces WHERE folder_key = ? AND module_path = ?')
      .get(folderKey, modulePath);
    if (row === undefined) return true;
    const id = Number(row.id);
    const { keys, bytes } = this.#firstEntries(id);
    const left = { bytes: Number(row.bytes) - bytes, keys: Number(row.keys) - keys.length };
    const remove = this.#database.prepare('DELETE FROM entries WHERE namespace = ? AND key = ?');
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      for (const key of keys) remove.run(id, key);
      const text = 'UPDATE namespaces SET bytes = ?, keys = ? WHERE id = ?';
      this.#database.prepare(text).run(left.bytes, left.keys, id);
      if (keys.length === 0) this.#database.prepare('DELETE FROM namespaces WHERE id = ?').run(id);
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
    this.#owners.count(ownerOf(folderKey), -bytes - keys.length * entryBytes);
    return keys.length === 0;
  }

  #firstEntries(id: number): { readonly keys: readonly Uint8Array[]; readonly bytes: number } {
    const rows = this.#database.prepare(
      `SELECT key, length(key) + length(value) AS bytes FROM entries WHERE namespace = ?
       ORDER BY key LIMIT ${entriesPerStep}`,
    );
    const keys: Uint8Array[] = [];
    let bytes = 0;
    for (const row of rows.iterate(id)) {
      if (row.key instanceof Uint8Array) keys.push(row.key);
      bytes += Number(row.bytes);
      if (bytes >= entryBytesPerStep) break;
    }
    return { keys, bytes };
  }

  /** None where the file cannot shrink, because an early release made it large. */
  #freePagesTooMany(): number {
    if (readPragma(this.#database, 'auto_vacuum') === 0) return 0;
    return Math.max(0, readPragma(this.#database, 'freelist_count') - freePagesKept);
  }
}
