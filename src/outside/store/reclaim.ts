/**
 * Edge: the file of the shared store, by SQLite. Takes back what nobody can use any more, a little
 * at a time: entries of what is long gone, entries that have expired, and free pages of the file.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Space } from './contract.ts';
import type { SpaceChange } from './messages.ts';
import { ownerOfSpace } from './spaces.ts';
import { inTransaction, readPragma } from './sqlite-schema.ts';
import { entryBytes, type OwnerBytes } from './usage.ts';

/** Taken off in one step: writes wait for no longer than that. */
const entriesPerStep = 512;
const entryBytesPerStep = 1024 * 1024;
/** Free pages that stay in the file for what comes next, and how many go in one step. */
const freePagesKept = 1_024;
const freePagesPerStep = 256;

interface DoomedEntry {
  readonly space: number;
  readonly key: Uint8Array;
  readonly bytes: number;
}

const spaceSql = 'SELECT area, name, bytes, keys FROM spaces WHERE id = ?';

export class Reclaim {
  readonly #database: DatabaseSync;
  readonly #owners: OwnerBytes;
  #forgotten: Space[] = [];
  /** Expired by then, and perhaps still there. */
  #expiredAtMs: number | undefined;

  constructor(database: DatabaseSync, owners: OwnerBytes) {
    this.#database = database;
    this.#owners = owners;
  }

  /** Takes note at once; what is forgotten goes step by step. */
  note(changes: readonly SpaceChange[]): void {
    const mark = this.#database.prepare(
      'UPDATE spaces SET gone_at_ms = ? WHERE area = ? AND name = ?',
    );
    for (const { change, area, name, atMs } of changes) {
      if (change === 'forgotten') this.#forgotten.push({ area, name });
      else mark.run(change === 'gone' ? atMs : null, area, name);
    }
  }

  /** Time has passed: what has expired by now is to go. */
  noteTime(nowMs: number): void {
    this.#expiredAtMs = nowMs;
  }

  /** Whether there is something to do when nobody writes. */
  get isDue(): boolean {
    return (
      this.#forgotten.length > 0 || this.#expiredAtMs !== undefined || this.#freePagesTooMany() > 0
    );
  }

  /** One step: one short transaction. */
  step(): void {
    const [space] = this.#forgotten;
    if (space !== undefined) {
      if (this.#forgetSome(space)) this.#forgotten.shift();
      return;
    }
    if (this.#expiredAtMs !== undefined) {
      if (this.#removeExpired(this.#expiredAtMs)) this.#expiredAtMs = undefined;
      return;
    }
    const pages = Math.min(freePagesPerStep, this.#freePagesTooMany());
    if (pages > 0) this.#database.exec(`PRAGMA incremental_vacuum(${pages})`);
  }

  /** Takes some entries off a space, at last the space itself; whether it is gone now. */
  #forgetSome({ area, name }: Space): boolean {
    const row = this.#database
      .prepare('SELECT id FROM spaces WHERE area = ? AND name = ?')
      .get(area, name);
    if (row === undefined) return true;
    const id = Number(row.id);
    return this.#take(() => {
      const first = this.#some('WHERE space = ? ORDER BY key', id);
      if (first.length === 0) this.#database.prepare('DELETE FROM spaces WHERE id = ?').run(id);
      return first;
    });
  }

  /** Whether nothing is left that had expired by then. */
  #removeExpired(atMs: number): boolean {
    return this.#take(() => this.#some('WHERE expires_at <= ? ORDER BY expires_at', atMs));
  }

  /** Whether there were none. */
  #take(choose: () => readonly DoomedEntry[]): boolean {
    const owned = new Map<number, { keys: number; bytes: number }>();
    const taken = inTransaction(this.#database, () => {
      const entries = choose();
      const remove = this.#database.prepare('DELETE FROM entries WHERE space = ? AND key = ?');
      for (const { space, key, bytes } of entries) {
        remove.run(space, key);
        const sum = owned.get(space) ?? { keys: 0, bytes: 0 };
        owned.set(space, { keys: sum.keys + 1, bytes: sum.bytes + bytes });
      }
      const text = 'UPDATE spaces SET bytes = bytes - ?, keys = keys - ? WHERE id = ?';
      const shrink = this.#database.prepare(text);
      for (const [space, { keys, bytes }] of owned) shrink.run(bytes, keys, space);
      return entries.length;
    });
    for (const [space, { keys, bytes }] of owned) this.#giveBack(space, bytes + keys * entryBytes);
    return taken === 0;
  }

  #giveBack(space: number, bytes: number): void {
    const row = this.#database.prepare(spaceSql).get(space);
    if (row?.area !== 'kv') return;
    this.#owners.count(ownerOfSpace('kv', String(row.name)), -bytes);
  }

  #some(where: string, value: number): readonly DoomedEntry[] {
    const rows = this.#database.prepare(
      `SELECT space, key, length(key) + length(value) + coalesce(length(meta), 0) AS bytes
       FROM entries ${where} LIMIT ${entriesPerStep}`,
    );
    const entries: DoomedEntry[] = [];
    let sum = 0;
    for (const { space, key, bytes } of rows.iterate(value)) {
      if (!(key instanceof Uint8Array)) continue;
      entries.push({ space: Number(space), key, bytes: Number(bytes) });
      sum += Number(bytes);
      if (sum >= entryBytesPerStep) break;
    }
    return entries;
  }

  #freePagesTooMany(): number {
    return Math.max(0, readPragma(this.#database, 'freelist_count') - freePagesKept);
  }
}
