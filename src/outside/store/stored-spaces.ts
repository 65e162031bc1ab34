/** Edge: the file of the shared store, read by SQLite. Which guests' spaces there are. */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Space } from './contract.ts';

export interface StoredSpace extends Space {
  /** Since when what it belongs to has been gone; undefined: it is there. */
  readonly goneAtMs: number | undefined;
}

const busyTimeoutMs = 2_000;
const rowsPerReadMax = 1_000;

/**
 * All of them, some at a time. None while there is no file.
 *
 * @throws when it cannot be read
 */
export function* readGuestSpaces(databasePath: string): Generator<readonly StoredSpace[]> {
  if (!existsSync(databasePath)) return;
  const database = new DatabaseSync(databasePath, { readOnly: true, timeout: busyTimeoutMs });
  try {
    const some = database.prepare(
      `SELECT id, name, gone_at_ms FROM spaces WHERE area = 'kv' AND id > ?
       ORDER BY id LIMIT ${rowsPerReadMax}`,
    );
    for (let last = 0; ; ) {
      const rows = some.all(last);
      if (rows.length === 0) return;
      last = Number(rows.at(-1)?.id);
      yield rows.map(({ name, gone_at_ms }) => ({
        area: 'kv',
        name: String(name),
        goneAtMs: gone_at_ms === null ? undefined : Number(gone_at_ms),
      }));
    }
  } finally {
    database.close();
  }
}
