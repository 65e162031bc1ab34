/**
 * Edge: the file of the shared store, read by SQLite. Every serving thread has its own connection:
 * a read crosses no thread and sees the last commit.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Entry, ListedKey, ListOptions, Space } from './contract.ts';

const busyTimeoutMs = 2_000;

const readSql = `
  SELECT entries.value, entries.revision, entries.meta, entries.expires_at FROM spaces
  JOIN entries ON entries.space = spaces.id
  WHERE spaces.area = ? AND spaces.name = ? AND entries.key = ?`;

/** Keys from `from` on, without `from` itself where that is a key that was listed before. */
const listSql = (comparison: '>' | '>=', hasEnd: boolean): string => `
  SELECT entries.key, length(entries.value) AS bytes, entries.revision FROM spaces
  JOIN entries ON entries.space = spaces.id
  WHERE spaces.area = ? AND spaces.name = ? AND entries.key ${comparison} ?
    AND (entries.expires_at IS NULL OR entries.expires_at > ?)
    ${hasEnd ? 'AND entries.key < ?' : ''}
  ORDER BY entries.key LIMIT ?`;

export class SqliteReader {
  readonly #database: DatabaseSync;
  readonly #ownsDatabase: boolean;
  readonly #read: StatementSync;
  #list: Map<string, StatementSync> | undefined;

  /** @param database A connection that somebody else closes, or where the file is. */
  constructor(database: DatabaseSync | string) {
    this.#ownsDatabase = typeof database === 'string';
    this.#database =
      typeof database === 'string'
        ? new DatabaseSync(database, { readOnly: true, timeout: busyTimeoutMs })
        : database;
    this.#read = this.#database.prepare(readSql);
    this.#read.setReturnArrays(true);
  }

  /**
   * Undefined for what is absent or has expired by `nowMs`.
   *
   * @throws what SQLite throws
   */
  read(space: Space, key: Uint8Array, nowMs: () => number): Entry | undefined {
    const row: unknown = this.#read.get(space.area, space.name, key);
    if (!Array.isArray(row)) return undefined;
    const [value, revision, meta, expiresAt]: readonly unknown[] = row;
    if (!(value instanceof Uint8Array) || typeof revision !== 'number') return undefined;
    if (meta === null && expiresAt === null) return { value, revision };
    if (typeof expiresAt === 'number' && expiresAt <= nowMs()) return undefined;
    return {
      value,
      revision,
      ...(meta instanceof Uint8Array ? { meta } : {}),
      ...(typeof expiresAt === 'number' ? { expiresAtMs: expiresAt } : {}),
    };
  }

  /** @throws what SQLite throws */
  list(
    space: Space,
    { prefix, after, limit }: ListOptions,
    nowMs: number,
  ): { readonly items: readonly ListedKey[]; readonly isLast: boolean } {
    const isAfter = after !== undefined && Buffer.compare(after, prefix) >= 0;
    const end = endOf(prefix);
    const statement = this.#listing(isAfter ? '>' : '>=', end !== undefined);
    const from = isAfter ? after : prefix;
    const rows = statement.all(
      ...[space.area, space.name, from, nowMs],
      ...(end === undefined ? [] : [end]),
      limit + 1,
    );
    const items = rows.slice(0, limit).flatMap(({ key, bytes, revision }) => {
      if (!(key instanceof Uint8Array)) return [];
      return [{ key, bytes: Number(bytes), revision: Number(revision) }];
    });
    return { items, isLast: rows.length <= limit };
  }

  close(): void {
    if (this.#ownsDatabase) this.#database.close();
  }

  #listing(comparison: '>' | '>=', hasEnd: boolean): StatementSync {
    this.#list ??= new Map();
    const text = listSql(comparison, hasEnd);
    const known = this.#list.get(text);
    if (known !== undefined) return known;
    const made = this.#database.prepare(text);
    this.#list.set(text, made);
    return made;
  }
}

/** The first key after all that begin with `prefix`; undefined when there is none such. */
function endOf(prefix: Uint8Array): Uint8Array | undefined {
  let length = prefix.byteLength;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  if (length === 0) return undefined;
  // Not `slice`: that of a Buffer is no copy.
  const end = new Uint8Array(prefix.subarray(0, length));
  end[length - 1] = (end[length - 1] ?? 0) + 1;
  return end;
}
