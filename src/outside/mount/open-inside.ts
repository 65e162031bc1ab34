/**
 * Opening what a path names in a folder, and whether the open file really lies in it. Edge: asks
 * the system where the open file is.
 */
import { readlinkSync } from 'node:fs';
import { sep } from 'node:path';
import { isStaticName, spellingsOf, wellKnownDirectory } from '../../names.ts';
import type { GuardedFile } from './guarded-file.ts';
import { errnoOf, type GuardedFs } from './guarded-fs.ts';

/** Errors that mean "no such file" to a visitor, whatever the system's reason. */
const absent = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG', 'ENXIO']);

/** Whether the error means "no such file" to a visitor. */
export function isAbsent(error: unknown): boolean {
  return absent.has(errnoOf(error) ?? '');
}

interface Opened {
  readonly file: GuardedFile;
  readonly path: string;
}

/**
 * Opens the file of that name below `directory`, or of the same name spelled in another form of
 * Unicode; undefined when there is none. The caller closes, and asks `isOpenInside`.
 */
export async function openSpelled(
  guard: GuardedFs,
  directory: string,
  segments: readonly string[],
): Promise<Opened | undefined> {
  const spellings = spellingsOf(segments);
  const paths = spellings.map((names) => [directory, ...names].join(sep));
  const opened = await openFirst(guard, paths);
  if (opened !== undefined) return opened;
  const isSettled = segments.length === 1 || spellings.length === 1;
  return isSettled ? undefined : openMixed(guard, directory, segments);
}

/**
 * A file that came from a Mac in a directory that was made elsewhere: each name of the path has a
 * form of its own. They are looked for one after the other, so that the cost is that of the names.
 */
async function openMixed(
  guard: GuardedFs,
  directory: string,
  segments: readonly string[],
): Promise<Opened | undefined> {
  let path = directory;
  for (const [index, segment] of segments.entries()) {
    const paths = spellingsOf([segment]).map((names) => [path, ...names].join(sep));
    if (index === segments.length - 1) return openFirst(guard, paths);
    const found = paths.length === 1 ? paths[0] : await firstThere(guard, paths);
    if (found === undefined) return undefined;
    path = found;
  }
  return undefined;
}

async function openFirst(guard: GuardedFs, paths: readonly string[]): Promise<Opened | undefined> {
  for (const path of paths) {
    const file = await unlessAbsent(() => guard.open(path));
    if (file !== undefined) return { file, path };
  }
  return undefined;
}

async function firstThere(guard: GuardedFs, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if ((await unlessAbsent(() => guard.stat(path))) !== undefined) return path;
  }
  return undefined;
}

async function unlessAbsent<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/**
 * Whether the open file lies in `directory`, or is it, and is nothing that its own name would not
 * be served for: a module, the owner's rules, something hidden or closed. `path` is a name that was
 * checked. Asked of the file that was opened, not of its path: Mallory could swap a directory of
 * her folder for a symbolic link to Alice's between a check of the path and the opening.
 */
export async function isOpenInside(
  guard: GuardedFs,
  file: GuardedFile,
  place: {
    readonly directory: string;
    readonly path: string;
    /** Whether a rule of the owner closes what a link led to. */
    readonly isClosed?: (segments: readonly string[]) => boolean;
  },
): Promise<boolean> {
  const { directory, path, isClosed } = place;
  const real = await realPathOf(guard, file, path);
  if (real === directory) return true;
  if (real === undefined || !real.startsWith(directory + sep)) return false;
  if (real === path) return true;
  const inside = real
    .slice(directory.length + 1)
    .replace(replaced, '')
    .split(sep);
  return inside.every(isNameServed) && isClosed?.(inside) !== true;
}

/**
 * Whether the open file lies in `directory`, whatever its name there is. As in `isOpenInside`, the
 * open file is asked, not its path.
 */
export async function liesInside(
  guard: GuardedFs,
  file: GuardedFile,
  place: { readonly directory: string; readonly path: string },
): Promise<boolean> {
  const real = await realPathOf(guard, file, place.path);
  return real?.startsWith(place.directory + sep) === true;
}

/** How Linux names a file that has been replaced or deleted since it was opened. */
const replaced = / \(deleted\)$/;

function isNameServed(segment: string, depth: number): boolean {
  return isStaticName(segment) || (depth === 0 && segment === wellKnownDirectory);
}

async function realPathOf(
  guard: GuardedFs,
  file: GuardedFile,
  path: string,
): Promise<string | undefined> {
  // The kernel knows the path and asks no file system for it: this cannot hang, and is ten times
  // faster than a turn of the thread pool.
  if (process.platform === 'linux') return readlinkSync(`/proc/self/fd/${file.fd}`);
  const real = await guard.realpath(path);
  const [opened, named] = [await file.stat(), await guard.stat(real)];
  return opened.dev === named.dev && opened.ino === named.ino ? real : undefined;
}
