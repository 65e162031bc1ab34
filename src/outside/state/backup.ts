/**
 * A copy of everything that a daemon keeps, while it runs, as a state directory that another can be
 * started with. Touches the file system and SQLite; slow, and so for a thread of its own.
 *
 * Databases are copied by SQLite as they are at one moment. Kept modules never change and may be
 * links. Records name modules: those are linked before and after the records are copied, so that
 * what a record names is there, whatever is deployed meanwhile.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TerrafirmaError } from '../../errors.ts';

/** Where the digests of all files are. */
export const manifestName = 'backup.json';

export interface BackupSummary {
  readonly directory: string;
  readonly files: number;
  readonly bytes: number;
}

interface BackupManifest {
  readonly schemaVersion: 1;
  readonly madeAt: string;
  /** Path below the directory → SHA-256. */
  readonly files: Readonly<Record<string, string>>;
}

const pieceBytes = 1024 * 1024;
const databases = ['shared.sqlite', 'operator.sqlite'];
/** Directories whose files never change once they are there. */
const unchanging = ['modules', 'blobs'];
/** What belongs to the process, is a database's own, or is made anew. */
const leftOut =
  /^(lock\.sqlite.*|.*\.sqlite(-wal|-shm)?|admin\.(sock|token)|local|forms|owner-sessions\.json)$/;

/** @throws TerrafirmaError `admin-request`, `state`. */
export function backUp(stateDirectory: string, directory: string): BackupSummary {
  if (existsSync(directory)) {
    const rule = 'the directory must be a new one';
    throw new TerrafirmaError('admin-request', `Cannot back up: ${rule}: received ${directory}`);
  }
  if (!relative(stateDirectory, directory).startsWith('..')) {
    const rule = 'the directory must not lie in the state directory';
    throw new TerrafirmaError('admin-request', `Cannot back up: ${rule}: received ${directory}`);
  }
  try {
    mkdirSync(dirname(directory), { recursive: true, mode: 0o700 });
    // Fails where another made it just now: what is removed below is our own.
    mkdirSync(directory, { mode: 0o700 });
  } catch (cause) {
    throw failure(directory, cause);
  }
  try {
    for (const name of unchanging) linkAll(join(stateDirectory, name), join(directory, name));
    for (const name of readdirSync(stateDirectory)) {
      if (leftOut.test(name) || unchanging.includes(name)) continue;
      copyAll(join(stateDirectory, name), join(directory, name));
    }
    for (const name of databases) copyDatabase(join(stateDirectory, name), join(directory, name));
    for (const name of unchanging) linkAll(join(stateDirectory, name), join(directory, name));
    return writeManifest(directory);
  } catch (cause) {
    // A part would stand in the way of the next, and be taken for a whole.
    rmSync(directory, { recursive: true, force: true });
    throw failure(directory, cause);
  }
}

function failure(directory: string, cause: unknown): TerrafirmaError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TerrafirmaError('state', `Cannot back up to ${directory}: ${reason}`, { cause });
}

/**
 * Copies a backup into a new state directory, once all of its digests are found to be right.
 *
 * @throws TerrafirmaError `usage`, `state`.
 */
export function restore(backup: string, stateDirectory: string): BackupSummary {
  const manifest = readManifest(backup);
  if (existsSync(stateDirectory) && readdirSync(stateDirectory).length > 0) {
    const rule = 'the state directory must be new or empty';
    throw new TerrafirmaError('usage', `Cannot restore: ${rule}: received ${stateDirectory}`);
  }
  const names = Object.keys(manifest.files);
  try {
    const changed = names.find((name) => digestOf(join(backup, name)) !== manifest.files[name]);
    if (changed !== undefined) {
      throw new Error(`every file must be as it was backed up: received ${join(backup, changed)}`);
    }
    return {
      directory: stateDirectory,
      files: names.length,
      bytes: copyInto(backup, stateDirectory, names),
    };
  } catch (cause) {
    // A part would stand in the way of the next try, and be taken for a whole.
    for (const [first = ''] of names.map((name) => name.split('/'))) {
      rmSync(join(stateDirectory, first), { recursive: true, force: true });
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TerrafirmaError('state', `Cannot restore: ${reason}`, { cause });
  }
}

/** How many bytes. */
function copyInto(backup: string, directory: string, names: readonly string[]): number {
  let bytes = 0;
  for (const name of names) {
    const to = join(directory, name);
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    copyFileSync(join(backup, name), to);
    bytes += statSync(to).size;
  }
  return bytes;
}

function readManifest(backup: string): BackupManifest {
  try {
    const manifest = JSON.parse(readFileSync(join(backup, manifestName), 'utf8'));
    const names = Object.keys(manifest.files);
    const isInside = names.every(
      (name) => !name.startsWith('/') && !name.split('/').includes('..'),
    );
    if (manifest.schemaVersion === 1 && isInside) return manifest as BackupManifest;
    throw new Error('it is of another kind');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const rule = `it must hold the ${manifestName} of a backup: ${reason}`;
    throw new TerrafirmaError('usage', `Cannot restore: ${rule}: received ${backup}`, { cause });
  }
}

/** As it is at one moment, whoever writes meanwhile. */
function copyDatabase(from: string, to: string): void {
  if (!existsSync(from)) return;
  const database = new DatabaseSync(from, { readOnly: true, timeout: 10_000 });
  try {
    database.prepare('VACUUM INTO ?').run(to);
    chmodSync(to, 0o600);
  } finally {
    database.close();
  }
}

function linkAll(from: string, to: string): void {
  for (const file of filesIn(from)) {
    const target = join(to, relative(from, file));
    if (existsSync(target)) continue;
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    try {
      linkSync(file, target);
    } catch {
      // Another file system, or one without links; or it has just been deleted.
      if (existsSync(file)) copyFileSync(file, target);
    }
  }
}

function copyAll(from: string, to: string): void {
  const found = statSync(from, { throwIfNoEntry: false });
  if (found?.isFile()) copyFileSync(from, to);
  // Sockets of listeners belong to the process; what is gone has just been deleted.
  if (!found?.isDirectory()) return;
  for (const file of filesIn(from)) {
    const target = join(to, relative(from, file));
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    // A record that is replaced meanwhile is there under its name all the time.
    if (existsSync(file)) copyFileSync(file, target);
  }
}

function filesIn(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function writeManifest(directory: string): BackupSummary {
  const paths = filesIn(directory);
  const files = Object.fromEntries(
    paths.map((file) => [relative(directory, file), digestOf(file)] as const),
  );
  const madeAt = new Date().toISOString();
  const manifest: BackupManifest = { schemaVersion: 1, madeAt, files };
  writeFileSync(join(directory, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`, {
    mode: 0o600,
  });
  const bytes = paths.reduce((sum, file) => sum + statSync(file).size, 0);
  return { directory, files: paths.length, bytes };
}

/** Piece by piece: Node.js reads no file of more than 2 GiB whole, and a database may be larger. */
function digestOf(file: string): string {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(pieceBytes);
  const descriptor = openSync(file, 'r');
  try {
    for (;;) {
      const bytes = readSync(descriptor, piece);
      if (bytes === 0) return hash.digest('hex');
      hash.update(piece.subarray(0, bytes));
    }
  } finally {
    closeSync(descriptor);
  }
}
