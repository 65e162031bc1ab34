/**
 * What one request does to the entries of its space, inside a transaction that somebody else
 * begins and ends. Edge: SQLite. Everything that may refuse a request is looked at before anything
 * is written, so that a refused one leaves no trace among the others of its transaction.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { OwnerKey } from '../../names.ts';
import type { SentWrite, StoreLimits, WriteAnswer, WriteRequest } from './messages.ts';
import { requireSpaceRoom } from './space-room.ts';
import { ownerOfSpace } from './spaces.ts';
import { entryBytes, type OwnerBytes } from './usage.ts';
import { decimal, joinBytes, type Planned, type Present, planOf } from './write-plan.ts';

/** Counters of one space while a transaction runs; written back before its commit. */
interface SpaceRow {
  readonly id: number;
  /** Undefined where nobody's share is counted. */
  readonly owner: OwnerKey | undefined;
  bytes: number;
  keys: number;
  hasChanged: boolean;
}

/** A writer takes so many revisions at once: the counter is a page of the file to write. */
const revisionsTaken = 10_000;

export class SpaceWriter {
  readonly #limits: StoreLimits;
  readonly #owners: OwnerBytes;
  readonly #touched = new Map<string, SpaceRow>();
  readonly #statements: Statements;
  /** The last that was given, also in a transaction that failed: none is given twice. */
  #revision = 0;
  /** Up to which they are ours, as committed and as written by this transaction. */
  #ceiling = 0;
  #writtenCeiling = 0;

  constructor(database: DatabaseSync, limits: StoreLimits, owners: OwnerBytes) {
    this.#limits = limits;
    this.#owners = owners;
    this.#statements = prepareStatements(database);
  }

  /** Others may have written: takes up where they may have ended. */
  refresh(): void {
    this.#revision = Number(this.#statements.revision.get()?.value);
    this.#ceiling = this.#revision;
  }

  /** A transaction has begun. */
  begin(): void {
    this.#touched.clear();
    this.#owners.begin();
    this.#writtenCeiling = this.#ceiling;
  }

  /** It is about to be committed. */
  end(): void {
    const { saveSpace, saveRevision } = this.#statements;
    for (const { id, bytes, keys, hasChanged } of this.#touched.values()) {
      if (hasChanged) saveSpace.run(bytes, keys, id);
    }
    if (this.#revision <= this.#writtenCeiling) return;
    this.#writtenCeiling = this.#revision + revisionsTaken;
    saveRevision.run(this.#writtenCeiling);
  }

  /** It was committed. */
  committed(): void {
    this.#ceiling = this.#writtenCeiling;
    this.#owners.commit();
  }

  apply(request: WriteRequest): WriteAnswer {
    const { id, nowMs, writes } = request;
    const space = this.#spaceOf(request);
    const present = writes.map(({ key }) => this.#present(space, key, nowMs));
    const before = present.map((each) => each?.revision ?? 0);
    const at = writes.flatMap(({ ifRevision }, index) =>
      ifRevision === undefined || ifRevision === before[index] ? [] : [index],
    );
    if (at.length > 0) {
      return { id, kind: 'conflict', at, before: at.map((index) => before[index] ?? 0) };
    }
    const planned = writes.map((write, index) => {
      const there = present[index];
      const value = write.op === 'increment' ? this.#valueOf(space, write, there) : undefined;
      return planOf(write, there, value);
    });
    if (space.owner !== undefined) this.#requireRoom(space, space.owner, planned);
    const revisions = planned.map((plan) => this.#write(space, plan));
    const [only] = planned;
    const number = only?.number === undefined ? {} : { number: only.number };
    return { id, kind: 'done', before, revisions, ...number };
  }

  #write(space: SpaceRow, plan: Planned): number {
    const { write, present } = plan;
    this.#grow(space, { bytes: plan.addedBytes, keys: plan.addedKeys });
    if (plan.effect === 'none') return present?.revision ?? 0;
    if (plan.effect === 'remove') {
      this.#statements.remove.run(space.id, write.key);
      return 0;
    }
    this.#revision += 1;
    const { save } = this.#statements;
    const value = plan.joins ? this.#joined(space, plan) : plan.value;
    const meta = plan.keepsMeta ? this.#metaOf(space, plan) : (write.meta ?? null);
    save.run(space.id, write.key, value, meta, this.#revision, plan.expiresAtMs ?? null);
    return this.#revision;
  }

  /** What is there by the asker's clock; `rowBytes` also where it has expired. */
  #present(space: SpaceRow, key: Uint8Array, nowMs: number): Present | undefined {
    const row = this.#statements.find.get(space.id, key);
    if (row === undefined) return undefined;
    const expiresAtMs = row.expires_at === null ? undefined : Number(row.expires_at);
    const isExpired = expiresAtMs !== undefined && expiresAtMs <= nowMs;
    const metaBytes = Number(row.meta_bytes ?? 0);
    const valueBytes = Number(row.bytes);
    return {
      isExpired,
      revision: isExpired ? 0 : Number(row.revision),
      valueBytes,
      metaBytes,
      expiresAtMs,
    };
  }

  #valueOf(space: SpaceRow, { key }: SentWrite, present: Present | undefined): bigint {
    if (present === undefined || present.isExpired) return 0n;
    return decimal(this.#statements.value.get(space.id, key)?.value);
  }

  #joined(space: SpaceRow, { write }: Planned): Uint8Array {
    const present = this.#statements.value.get(space.id, write.key)?.value;
    if (!(present instanceof Uint8Array)) return write.value;
    return write.op === 'prepend'
      ? joinBytes(write.value, present)
      : joinBytes(present, write.value);
  }

  #metaOf(space: SpaceRow, { write }: Planned): Uint8Array | null {
    const meta = this.#statements.value.get(space.id, write.key)?.meta;
    return meta instanceof Uint8Array ? meta : null;
  }

  #grow(space: SpaceRow, by: { readonly bytes: number; readonly keys: number }): void {
    if (by.bytes === 0 && by.keys === 0) return;
    space.hasChanged = true;
    space.bytes += by.bytes;
    space.keys += by.keys;
    if (space.owner !== undefined) {
      this.#owners.add(space.owner, by.bytes + by.keys * entryBytes);
    }
  }

  /**
   * What makes the space smaller is always allowed.
   *
   * @throws StoreError `limit`
   */
  #requireRoom(space: SpaceRow, owner: OwnerKey, planned: readonly Planned[]): void {
    const { bytes, keys } = requireSpaceRoom(this.#limits, space, planned);
    const refusal = this.#owners.refusalOf(owner, bytes + keys * entryBytes);
    if (refusal !== undefined) throw refusal;
  }

  #spaceOf({ area, name }: WriteRequest): SpaceRow {
    const key = `${area}\n${name}`;
    const known = this.#touched.get(key);
    if (known !== undefined) return known;
    const owner = ownerOfSpace(area, name);
    const { findSpace, addSpace } = this.#statements;
    const row = findSpace.get(area, name) ?? {
      id: addSpace.run(area, name, owner).lastInsertRowid,
      bytes: 0,
      keys: 0,
    };
    const space = {
      id: Number(row.id),
      owner: area === 'kv' ? owner : undefined,
      bytes: Number(row.bytes),
      keys: Number(row.keys),
      hasChanged: false,
    };
    this.#touched.set(key, space);
    return space;
  }
}

interface Statements {
  readonly revision: StatementSync;
  readonly saveRevision: StatementSync;
  readonly findSpace: StatementSync;
  readonly addSpace: StatementSync;
  readonly saveSpace: StatementSync;
  readonly find: StatementSync;
  readonly value: StatementSync;
  readonly save: StatementSync;
  readonly remove: StatementSync;
}

function prepareStatements(database: DatabaseSync): Statements {
  const prepare = (sql: string): StatementSync => database.prepare(sql);
  return {
    revision: prepare(`SELECT value FROM counters WHERE name = 'revision'`),
    saveRevision: prepare(`UPDATE counters SET value = ? WHERE name = 'revision'`),
    findSpace: prepare('SELECT id, bytes, keys FROM spaces WHERE area = ? AND name = ?'),
    addSpace: prepare('INSERT INTO spaces (area, name, owner, bytes, keys) VALUES (?, ?, ?, 0, 0)'),
    saveSpace: prepare('UPDATE spaces SET bytes = ?, keys = ? WHERE id = ?'),
    find: prepare(
      `SELECT revision, length(value) AS bytes, length(meta) AS meta_bytes, expires_at
       FROM entries WHERE space = ? AND key = ?`,
    ),
    value: prepare('SELECT value, meta FROM entries WHERE space = ? AND key = ?'),
    save: prepare(
      `INSERT INTO entries (space, key, value, meta, revision, expires_at)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (space, key) DO UPDATE SET value = excluded.value, meta = excluded.meta,
         revision = excluded.revision, expires_at = excluded.expires_at`,
    ),
    remove: prepare('DELETE FROM entries WHERE space = ? AND key = ?'),
  };
}
