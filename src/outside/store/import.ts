/**
 * Carries what one machine has stored into the empty store of several nodes: every space, entry by
 * entry. Edge: the file of the shared store, read by SQLite. What is there already stays: begun
 * again after a failure, it goes on where it ended.
 */
import { DatabaseSync } from 'node:sqlite';
import { type Area, type SharedStore, StoreError, type Write } from './contract.ts';

export interface Imported {
  readonly spaces: number;
  readonly entries: number;
  /** What was there already. */
  readonly skipped: number;
}

interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly meta: Uint8Array | undefined;
  readonly expiresAtMs: number | undefined;
}

/** Of one commit: far below what an engine takes. */
const entriesPerCommit = 200;
const bytesPerCommit = 2 * 1024 * 1024;
const wait = { deadlineMs: 60_000 };

/**
 * @param storeOf Where an area's entries go; undefined: they stay behind.
 * @throws what SQLite throws; rejects with StoreError
 */
export async function importFile(
  databasePath: string,
  storeOf: (area: Area) => SharedStore | undefined,
  nowMs: () => number,
): Promise<Imported> {
  const database = new DatabaseSync(databasePath, { readOnly: true });
  const sum = { spaces: 0, entries: 0, skipped: 0 };
  try {
    for (const { id, area, name } of database.prepare('SELECT id, area, name FROM spaces').all()) {
      const store = storeOf(String(area) as Area);
      if (store === undefined) continue;
      sum.spaces += 1;
      const space = { area: String(area) as Area, name: String(name) };
      for (const rows of groupsOf(rowsOf(database, Number(id)))) {
        const writes = rows.flatMap((row) => writeOf(row, nowMs()));
        const skipped = await commitAbsent(store, space, writes);
        sum.entries += writes.length - skipped;
        sum.skipped += skipped;
      }
    }
    return sum;
  } finally {
    database.close();
  }
}

function* rowsOf(database: DatabaseSync, space: number): Generator<Row> {
  const rows = database.prepare(
    'SELECT key, value, meta, expires_at FROM entries WHERE space = ? ORDER BY key',
  );
  for (const { key, value, meta, expires_at } of rows.iterate(space)) {
    if (!(key instanceof Uint8Array) || !(value instanceof Uint8Array)) continue;
    const expiresAtMs = expires_at === null ? undefined : Number(expires_at);
    yield { key, value, meta: meta instanceof Uint8Array ? meta : undefined, expiresAtMs };
  }
}

function* groupsOf(rows: Iterable<Row>): Generator<readonly Row[]> {
  let group: Row[] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = row.key.byteLength + row.value.byteLength;
    const isFull = group.length >= entriesPerCommit || bytes + size > bytesPerCommit;
    if (group.length > 0 && isFull) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(row);
    bytes += size;
  }
  if (group.length > 0) yield group;
}

/** None for what has expired. */
function writeOf({ key, value, meta, expiresAtMs }: Row, nowMs: number): readonly Write[] {
  const ttlMs = expiresAtMs === undefined ? undefined : expiresAtMs - nowMs;
  if (ttlMs !== undefined && ttlMs <= 0) return [];
  return [
    {
      ...{ key, op: 'put', value, ifRevision: 0 },
      ...(meta === undefined ? {} : { meta }),
      ...(ttlMs === undefined ? {} : { ttlMs }),
    },
  ];
}

/** How many of the keys were there already. */
async function commitAbsent(
  store: SharedStore,
  space: { readonly area: Area; readonly name: string },
  writes: readonly Write[],
): Promise<number> {
  let left = writes;
  for (let skipped = 0; ; ) {
    if (left.length === 0) return skipped;
    const result = await store.commit(space, left, wait);
    if (result.kind === 'done') return skipped;
    const taken = new Set(result.keys.map((key) => Buffer.from(key).toString('latin1')));
    if (taken.size === 0) throw new StoreError('unavailable', 'Cannot import: it must hold still');
    skipped += taken.size;
    left = left.filter(({ key }) => !taken.has(Buffer.from(key).toString('latin1')));
  }
}
