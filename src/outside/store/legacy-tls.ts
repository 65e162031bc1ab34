/**
 * Edge: the attached `tls.sqlite` of an earlier release → the space of certificates. The keys and
 * values are those of `tls/records.ts`, whose test reads what is written here.
 */
import type { DatabaseSync } from 'node:sqlite';
import { addToBuckets, type BucketShape, type TimeBuckets } from '../../account/time-buckets.ts';
import { type FolderKey, ownerOf } from '../../names.ts';

const newestFormat = 1;
const hour: BucketShape = { bucketMs: 60_000, buckets: 60 };
const week: BucketShape = { bucketMs: 3_600_000, buckets: 168 };

/** Inside a transaction, with the file attached as `old`. */
export function copyTls(database: DatabaseSync): void {
  const format = Number(database.prepare('PRAGMA old.user_version').get()?.user_version);
  if (format > newestFormat || format < 0) {
    throw new Error(`its format is version ${format}, this release knows ${newestFormat}`);
  }
  if (format === 0) return;
  const put = openSpace(database);
  for (const row of database.prepare('SELECT * FROM old.accounts').all()) {
    put(`account/${row.directory}`, String(row.key_pem));
  }
  for (const row of database.prepare('SELECT * FROM old.certificates').all()) {
    put(`cert/${row.host_name}`, JSON.stringify(certificateOf(row)));
  }
  for (const row of database.prepare('SELECT * FROM old.failures').all()) {
    const { failures, until: untilMs, reason } = row;
    put(`fail/${row.host_name}`, JSON.stringify({ failures, untilMs, reason }));
  }
  for (const [key, counts] of countOrders(database)) put(key, JSON.stringify(counts));
}

function openSpace(database: DatabaseSync): (key: string, value: string) => void {
  database.exec(`INSERT OR IGNORE INTO spaces (area, name, owner, bytes, keys)
    VALUES ('tls', 'tls', '', 0, 0)`);
  const id = Number(
    database.prepare(`SELECT id FROM spaces WHERE area = 'tls' AND name = 'tls'`).get()?.id,
  );
  const add = database.prepare(
    'INSERT OR IGNORE INTO entries (space, key, value, revision) VALUES (?, ?, ?, 1)',
  );
  const grow = database.prepare(
    'UPDATE spaces SET bytes = bytes + ?, keys = keys + 1 WHERE id = ?',
  );
  database.exec(`UPDATE counters SET value = max(value, 1) WHERE name = 'revision'`);
  return (key, value) => {
    const keyBytes = Buffer.from(key);
    const valueBytes = Buffer.from(value);
    const { changes } = add.run(id, keyBytes, valueBytes);
    if (Number(changes) > 0) grow.run(keyBytes.length + valueBytes.length, id);
  };
}

function certificateOf(row: Readonly<Record<string, unknown>>): object {
  return {
    hostName: row.host_name,
    chainPem: row.chain_pem,
    keyPem: row.key_pem,
    directoryUrl: row.directory,
    issuedAtMs: row.issued_at,
    notAfterMs: row.not_after,
    renewAtMs: row.renew_at,
    windowAskAtMs: row.window_ask_at,
  };
}

function countOrders(database: DatabaseSync): ReadonlyMap<string, TimeBuckets> {
  const counts = new Map<string, TimeBuckets>();
  const rows = database.prepare('SELECT * FROM old.orders ORDER BY at').iterate();
  for (const { at, registered_name: name, folder } of rows) {
    const owner = ownerOf(String(folder) as FolderKey);
    const add = (key: string, shape: BucketShape): void => {
      const added = addToBuckets(counts.get(key), shape, { atMs: Number(at), amount: 1 });
      counts.set(key, added);
    };
    add('count/all', hour);
    add(`count/owner/${owner}`, hour);
    add(`count/name/${name}`, week);
    add(`count/folder/${folder}`, week);
  }
  return counts;
}
