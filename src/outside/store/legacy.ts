/**
 * Edge: `kv.sqlite` and `tls.sqlite`, in which earlier releases kept what the shared store keeps
 * now. Each is taken over once, whole or not at all: what was copied and that it was copied are one
 * transaction. The old file is renamed afterwards, never deleted; a daemon that is killed between
 * the two finds it again and knows it by its inode.
 */
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { copyKeyValue } from './legacy-kv.ts';
import { copyTls } from './legacy-tls.ts';

import type { LegacyFiles } from './messages.ts';
import { inTransaction, setSynchronous } from './sqlite-schema.ts';

interface Source {
  readonly name: string;
  readonly copy: (database: DatabaseSync) => void;
  /** What is lost with a damaged file can be had again. */
  readonly mayBeDamaged: boolean;
}

const sources: readonly Source[] = [
  { name: 'kv.sqlite', copy: copyKeyValue, mayBeDamaged: false },
  { name: 'tls.sqlite', copy: copyTls, mayBeDamaged: true },
];

/** @throws when a file is there and cannot be taken over; nothing has changed then */
export function takeOverLegacy(
  database: DatabaseSync,
  { directory }: LegacyFiles,
  onTrouble: (message: string) => void,
): void {
  for (const source of sources) {
    const path = join(directory, source.name);
    if (existsSync(path)) takeOver(database, { source, path, onTrouble });
  }
}

function takeOver(
  database: DatabaseSync,
  from: {
    readonly source: Source;
    readonly path: string;
    readonly onTrouble: (message: string) => void;
  },
): void {
  const { source, path, onTrouble } = from;
  const inode = String(statSync(path, { bigint: true }).ino);
  const known = database.prepare('SELECT inode FROM imports WHERE source = ?').get(source.name);
  if (known !== undefined && known.inode !== inode) {
    onTrouble(
      `Cannot take over ${path}: it must be what was there before: received a file that was made ` +
        'after an earlier release had been left; it stays as it is, and nothing of it is used',
    );
    return;
  }
  if (known === undefined) {
    try {
      copy(database, { source, path, inode });
    } catch (error) {
      if (!source.mayBeDamaged || !isDamage(error)) throw explain(path, error);
      const aside = `${path}.damaged-${Date.now()}`;
      setAside(path, aside);
      onTrouble(`certificates damaged: put aside as ${aside}, ordering anew`);
      return;
    }
  }
  setAside(path, `${path}.imported`);
}

function copy(
  database: DatabaseSync,
  {
    source,
    path,
    inode,
  }: { readonly source: Source; readonly path: string; readonly inode: string },
): void {
  foldJournal(path);
  database.prepare('ATTACH DATABASE ? AS old').run(path);
  try {
    setSynchronous(database, 'full');
    inTransaction(database, () => {
      source.copy(database);
      database.prepare('INSERT INTO imports VALUES (?, ?, ?)').run(source.name, inode, Date.now());
    });
  } finally {
    database.exec('DETACH DATABASE old');
  }
}

/** Everything of it is in the one file from now on, which is sound. */
function foldJournal(path: string): void {
  const old = new DatabaseSync(path);
  try {
    const check = old.prepare('PRAGMA quick_check(1)').get();
    if (check?.quick_check !== 'ok') throw new Error('database disk image is malformed');
    old.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    old.close();
  }
}

function setAside(path: string, aside: string): void {
  renameSync(path, aside);
  for (const ending of ['-wal', '-shm']) rmSync(`${path}${ending}`, { force: true });
}

function isDamage(error: unknown): boolean {
  return error instanceof Error && /malformed|not a database/.test(error.message);
}

function explain(path: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(`what an earlier release stored must be taken over: ${path}: ${reason}`, {
    cause,
  });
}
