/** Files as earlier releases wrote them, byte formats and all. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** `entries`: by a folder's key, or the name of a public one, what its `kv.wasm` stored. */
export function writeOldKeyValue(
  directory: string,
  format: 1 | 2,
  entries: Readonly<Record<string, Readonly<Record<string, string>>>>,
  goneAtMs: number | null = null,
): void {
  const database = new DatabaseSync(join(directory, 'kv.sqlite'));
  database.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE namespaces (
      id INTEGER PRIMARY KEY, folder_key TEXT NOT NULL, module_path TEXT NOT NULL,
      bytes INTEGER NOT NULL, keys INTEGER NOT NULL, UNIQUE (folder_key, module_path)
    ) STRICT;
    CREATE TABLE entries (
      namespace INTEGER NOT NULL REFERENCES namespaces (id), key BLOB NOT NULL,
      value BLOB NOT NULL, PRIMARY KEY (namespace, key)
    ) STRICT;`);
  if (format === 2) {
    database.exec(`
      ALTER TABLE namespaces ADD COLUMN owner TEXT NOT NULL DEFAULT '';
      ALTER TABLE namespaces ADD COLUMN gone_at_ms INTEGER;`);
  }
  database.exec(`PRAGMA user_version = ${format}; BEGIN`);
  const addEntry = database.prepare('INSERT INTO entries VALUES (?, ?, ?)');
  for (const [folder, stored] of Object.entries(entries)) {
    const pairs = Object.entries(stored);
    const bytes = pairs.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
    const added = database
      .prepare(
        `INSERT INTO namespaces (folder_key, module_path, bytes, keys)
         VALUES (?, 'kv.wasm', ?, ?)`,
      )
      .run(folder.startsWith('/') ? folder : `/keybase/public/${folder}`, bytes, pairs.length);
    const id = Number(added.lastInsertRowid);
    for (const [key, value] of pairs) addEntry.run(id, Buffer.from(key), Buffer.from(value));
  }
  if (format === 2) database.prepare('UPDATE namespaces SET gone_at_ms = ?').run(goneAtMs);
  database.exec('COMMIT');
  database.close();
}

/** One account, one certificate, one failure, and two orders of this minute. */
export function writeOldTls(
  directory: string,
  { nowMs, folder }: { readonly nowMs: number; readonly folder: string },
): void {
  const database = new DatabaseSync(join(directory, 'tls.sqlite'));
  database.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE accounts (directory TEXT PRIMARY KEY, key_pem TEXT NOT NULL);
    CREATE TABLE certificates (
      host_name TEXT PRIMARY KEY, chain_pem TEXT NOT NULL, key_pem TEXT NOT NULL,
      directory TEXT NOT NULL, issued_at INTEGER NOT NULL, not_after INTEGER NOT NULL,
      renew_at INTEGER NOT NULL, window_ask_at INTEGER NOT NULL);
    CREATE TABLE orders (
      at INTEGER NOT NULL, host_name TEXT NOT NULL, registered_name TEXT NOT NULL,
      folder TEXT NOT NULL);
    CREATE TABLE failures (
      host_name TEXT PRIMARY KEY, failures INTEGER NOT NULL, until INTEGER NOT NULL,
      reason TEXT NOT NULL);
    PRAGMA user_version = 1;
    INSERT INTO accounts VALUES ('https://ca.test/directory', 'account key');
    INSERT INTO certificates VALUES (
      'a.test', 'chain', 'key', 'https://ca.test/directory', 1, 100, 50, 10);
    INSERT INTO failures VALUES ('b.test', 2, ${nowMs + 1_000}, 'no');`);
  const order = database.prepare('INSERT INTO orders VALUES (?, ?, ?, ?)');
  for (const name of ['a.test', 'b.a.test']) order.run(nowMs, name, 'a.test', folder);
  database.close();
}
