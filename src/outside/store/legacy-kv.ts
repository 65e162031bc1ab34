/** Edge: the attached `kv.sqlite` of an earlier release, formats 1 and 2 → guests' spaces. */
import type { DatabaseSync } from 'node:sqlite';
import type { FolderKey, ModulePath } from '../../names.ts';
import { moduleSpace, ownerOfSpace } from './spaces.ts';

const newestFormat = 2;

/** Inside a transaction, with the file attached as `old`. */
export function copyKeyValue(database: DatabaseSync): void {
  const format = Number(database.prepare('PRAGMA old.user_version').get()?.user_version);
  if (format > newestFormat || format < 0) {
    throw new Error(`its format is version ${format}, this release knows ${newestFormat}`);
  }
  // It was made, and nobody stored anything.
  if (format === 0) return;
  const revision = 1;
  database.exec(`UPDATE counters SET value = max(value, ${revision}) WHERE name = 'revision'`);
  const addSpace = database.prepare(
    `INSERT INTO spaces (area, name, owner, bytes, keys, gone_at_ms)
     VALUES ('kv', ?, ?, ?, ?, ?)`,
  );
  const addEntries = database.prepare(
    `INSERT INTO entries (space, key, value, revision)
     SELECT ?, key, value, ${revision} FROM old.entries WHERE namespace = ?`,
  );
  for (const row of database.prepare('SELECT * FROM old.namespaces').all()) {
    const folderKey = String(row.folder_key) as FolderKey;
    const { name } = moduleSpace(folderKey, String(row.module_path) as ModulePath);
    const goneAtMs = typeof row.gone_at_ms === 'number' ? row.gone_at_ms : null;
    const added = addSpace.run(
      ...[name, ownerOfSpace('kv', name), Number(row.bytes), Number(row.keys)],
      goneAtMs,
    );
    addEntries.run(Number(added.lastInsertRowid), Number(row.id));
  }
}
