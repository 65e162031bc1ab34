/**
 * Edge: the file system, by `GuardedFs`. From a folder that a record names to its directory here.
 *
 * Anybody can point a name at any folder that this machine has. So what a record names is followed
 * step by step on the real paths: Mallory, who may write in her own folder, must not get at Alice's
 * by a link that leads out of hers; and Eve, who points her name at a folder inside Alice's, must
 * not get around the `.kbp_config` that Alice put above it.
 */
import { join, sep } from 'node:path';
import type { Mount } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import { type FolderKey, type FolderPath, folderSegments, ownerOf, parseTlf } from '../../names.ts';
import { fastlyName } from '../../site/fastly/fastly-toml.ts';
import { manifestName } from '../../site/manifest.ts';
import { settingsName } from '../../site/settings.ts';
import { errnoOf, type GuardedFs, isUnreachable } from './guarded-fs.ts';
import type { MountGuards } from './mount-guards.ts';

export interface LocatedFolder {
  readonly key: FolderKey;
  /** Absolute real path. */
  readonly directory: string;
  readonly mount: Mount;
  /**
   * Directories whose facts change when the folder becomes another one, or something is put into it
   * or above it, where owners must not: the folder as the record names it, links and all, and what
   * is above. Left out: `directory` alone.
   */
  readonly signs?: readonly string[];
}

export interface LocatorOptions {
  readonly mounts: readonly Mount[];
  /** Private folders are served only if this user is among their writers or readers. */
  readonly botUser: string | undefined;
  readonly guards: MountGuards;
}

const noSuchFolder = 'the mount has no such folder: make it, or correct the record';
const noSuchMount = 'no mount has its prefix: add one with --mount, or correct the record';
/** How many folders of others are looked through for another spelling of the same TLF. */
const tlfEntriesMax = 10_000;
/** The path is no folder for us, for whatever reason of its own. */
const absent = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EACCES', 'EPERM', 'EINVAL']);

type TlfPath = FolderPath & { readonly type: 'private' | 'public' | 'team' };

interface MountFit {
  readonly mount: Mount;
  readonly fs: GuardedFs;
  /** The mount's real directory. */
  readonly root: string;
  /** How many leading segments of the record the prefix covers. */
  readonly depth: number;
}

export class Locator {
  readonly #options: LocatorOptions;

  constructor(options: LocatorOptions) {
    this.#options = options;
  }

  /**
   * The directory of `path`, below the mount with the longest fitting prefix. The TLF is looked for
   * in its canonical spelling, as in the record, and by comparing members with what is there. The
   * canonical one comes first, so that a folder has one directory however a record spells it.
   *
   * @throws TerrafirmaError `folder-not-found` (no mount, not there, leads out of its TLF, or a
   * private folder without the bot), `folder-forbidden` (one of the files in which owners say who
   * is served above it), `folder-unreachable` (the mount is gone, empty or hangs).
   */
  async locate(path: FolderPath): Promise<LocatedFolder> {
    this.#checkBotUser(path);
    const fit = await this.#fitMount(path);
    try {
      const confines = isTlfPath(path) ? await this.#findTlfRoot(path, fit) : fit.root;
      const inner = isTlfPath(path)
        ? path.subpath.slice(Math.max(0, fit.depth - 3))
        : folderSegments(path).slice(fit.depth);
      const named = join(confines, ...inner);
      const directory = named === confines ? named : await fit.fs.realpath(named);
      if (!isWithin(confines, directory)) throw notFound(path, 'a link leads out of the folder');
      if (!(await fit.fs.stat(directory)).isDirectory()) throw notFound(path, 'not a directory');
      const ancestors = ancestorsOf(directory, confines);
      await checkAncestors(fit.fs, path, ancestors);
      return { key: path.key, directory, mount: fit.mount, signs: [named, ...ancestors] };
    } catch (error) {
      throw await explain(error, path, fit);
    }
  }

  /** The spec's rule for private roots: who did not share the folder with the bot is not served. */
  #checkBotUser(path: FolderPath): void {
    const { botUser } = this.#options;
    if (botUser === undefined || path.type !== 'private') return;
    const user = botUser.toLowerCase();
    if (path.writers.includes(user) || path.readers.includes(user)) return;
    throw notFound(path, `a private folder must have "${user}" among its writers or readers`);
  }

  /** The mount with the longest prefix that fits, also while it is away. */
  mountOf(path: FolderPath): Mount | undefined {
    return this.#longestFit(path)?.mount;
  }

  #longestFit(path: FolderPath): { readonly mount: Mount; readonly depth: number } | undefined {
    const wanted = folderSegments(path);
    let best: { readonly mount: Mount; readonly depth: number } | undefined;
    for (const mount of this.#options.mounts) {
      const prefix = prefixSegments(mount.prefix);
      const fits = prefix.every((segment, index) => segment === wanted[index]);
      if (fits && prefix.length > (best?.depth ?? -1)) best = { mount, depth: prefix.length };
    }
    return best;
  }

  async #fitMount(path: FolderPath): Promise<MountFit> {
    const best = this.#longestFit(path);
    if (best === undefined) throw notFound(path, noSuchMount);
    const fs = this.#options.guards.fsOf(best.mount.directory, ownerOf(path.key));
    try {
      return { ...best, fs, root: await fs.realpath(best.mount.directory) };
    } catch (error) {
      throw unreachable(best.mount, error);
    }
  }

  /**
   * The real directory of the TLF. `private`, `public` and `team` directly below the mount may be
   * links that lead elsewhere: Keybase's `/keybase` is made of them, and no member of a folder can
   * write there. From there on nothing leads out.
   */
  async #findTlfRoot(path: TlfPath, fit: MountFit): Promise<string> {
    if (fit.depth >= 3) return fit.root;
    const above = folderSegments(path).slice(fit.depth, 2);
    const within = join(fit.root, ...above);
    const lookFor = (name: string) => realpathOrNothing(fit.fs, join(within, name));
    // Links are followed on both ways, so it does not matter which was looked at first.
    const [parent, canonical] = await Promise.all([
      fit.fs.realpath(within),
      lookFor(path.canonicalTlf),
    ]);
    const isSpeltSo = path.tlf === path.canonicalTlf;
    const root = canonical ?? (isSpeltSo ? undefined : await lookFor(path.tlf));
    if (root !== undefined) return confine(path, parent, root);
    const { entries } = await fit.fs.readdir(parent, tlfEntriesMax);
    const names = entries.map((entry) => entry.name).sort();
    const same = names.find((name) => parseTlf(path.type, name)?.canonical === path.canonicalTlf);
    if (same === undefined) throw notFound(path, noSuchFolder);
    return confine(path, parent, await fit.fs.realpath(join(parent, same)));
  }
}

function isTlfPath(path: FolderPath): path is TlfPath {
  return path.type !== 'plain';
}

/** A mount's prefix in the spelling of folder keys, so that `bob,alice` fits `alice,bob`. */
function prefixSegments(prefix: string): readonly string[] {
  const segments = prefix.split('/').filter((segment) => segment !== '');
  const [first, type, tlf, ...rest] = segments;
  const isTlf = first === 'keybase' && (type === 'private' || type === 'public' || type === 'team');
  if (!isTlf || tlf === undefined) return segments;
  return [first, type, parseTlf(type, tlf)?.canonical ?? tlf, ...rest];
}

function confine(path: FolderPath, parent: string, root: string): string {
  if (root === parent || !isWithin(parent, root)) {
    throw notFound(path, 'a link leads out of the mount');
  }
  return root;
}

async function realpathOrNothing(fs: GuardedFs, path: string): Promise<string | undefined> {
  try {
    return await fs.realpath(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** In them an owner says who may read, what is private, and which names may show the folder. */
const ownersFiles = [manifestName, settingsName, fastlyName];

/**
 * Keybase's own defence against Eve, from the TLF's root down to the folder's parent: a record of
 * hers that names a directory inside would pass by what is said above it.
 */
async function checkAncestors(
  fs: GuardedFs,
  path: FolderPath,
  ancestors: readonly string[],
): Promise<void> {
  for (const ancestor of ancestors) {
    for (const name of ownersFiles) {
      if (!(await isThere(fs, join(ancestor, name)))) continue;
      const detail = `Cannot serve ${path.key}: no folder above it may have a ${name}`;
      throw new TerrafirmaError('folder-forbidden', `${detail}: received one in ${ancestor}`);
    }
  }
}

/** From `confines` down to the parent of `directory`; none where they are the same. */
function ancestorsOf(directory: string, confines: string): readonly string[] {
  const below = directory
    .slice(confines.length)
    .split(sep)
    .filter((segment) => segment !== '');
  return below.map((_, depth) => join(confines, ...below.slice(0, depth)));
}

async function isThere(fs: GuardedFs, path: string): Promise<boolean> {
  try {
    await fs.lstat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Whether real path `inner` is `outer` or below it. */
function isWithin(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
}

async function explain(error: unknown, path: FolderPath, fit: MountFit): Promise<unknown> {
  if (isUnreachable(error)) return unreachable(fit.mount, error);
  const isMissing = error instanceof TerrafirmaError && error.code === 'folder-not-found';
  const errno = errnoOf(error);
  if (!isMissing && (errno === undefined || !absent.has(errno))) return error;
  if (await isVacant(fit)) return unreachable(fit.mount, new Error('its directory is empty'));
  if (isMissing) return error;
  return notFound(path, errno === 'ENOENT' ? noSuchFolder : `${errno}`, error);
}

/** An unmounted mount leaves its empty directory behind: then nothing is known of any folder. */
async function isVacant({ fs, root }: MountFit): Promise<boolean> {
  try {
    return (await fs.readdir(root, 1)).entries.length === 0;
  } catch (error) {
    if (errnoOf(error) !== undefined || isUnreachable(error)) return true;
    throw error;
  }
}

function notFound(path: FolderPath, reason: string, cause?: unknown): TerrafirmaError {
  const detail = `Cannot serve ${path.key}: ${reason}`;
  return new TerrafirmaError('folder-not-found', detail, { cause });
}

function unreachable(mount: Mount, cause: unknown): TerrafirmaError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const detail = `Cannot reach the mount ${mount.prefix} at ${mount.directory}: ${reason}`;
  return new TerrafirmaError('folder-unreachable', detail, { cause });
}
