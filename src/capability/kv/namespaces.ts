/** Edge: the key-value file, read by SQLite. Which modules have stored something. */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { FolderKey, ModulePath } from '../../names.ts';
import type { NamespaceName } from './messages.ts';

export interface StoredNamespace extends NamespaceName {
  /** Since when its module has been gone; undefined: it is there. */
  readonly goneAtMs: number | undefined;
}

const busyTimeoutMs = 2_000;
const rowsPerReadMax = 1_000;

/** All of them, some at a time. None while there is no file. Throws when it cannot be read. */
export function* readNamespaces(databasePath: string): Generator<readonly StoredNamespace[]> {
  if (!existsSync(databasePath)) return;
  const database = new DatabaseSync(databasePath, { readOnly: true, timeout: busyTimeoutMs });
  try {
    const some = database.prepare(
      `SELECT id, folder_key, module_path, gone_at_ms FROM namespaces WHERE id > ?
       ORDER BY id LIMIT ${rowsPerReadMax}`,
    );
    for (let last = 0; ; ) {
      const rows = some.all(last);
      if (rows.length === 0) return;
      last = Number(rows.at(-1)?.id);
      yield rows.map(({ folder_key, module_path, gone_at_ms }) => ({
        folderKey: String(folder_key) as FolderKey,
        modulePath: String(module_path) as ModulePath,
        goneAtMs: gone_at_ms === null ? undefined : Number(gone_at_ms),
      }));
    }
  } finally {
    database.close();
  }
}
