/**
 * The folder of which `terrafirma run` runs a module, as a site would. Touches the folder, through
 * a mount's guard.
 */
import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Limits } from '../../config/config.ts';
import { readFastly, settingsOfBoth } from '../../deploy/folder/read-fastly.ts';
import { TerrafirmaError } from '../../errors.ts';
import { type FolderKey, isServedName, type ModulePath, ownerOf } from '../../names.ts';
import { errnoOf, FileTooLargeError, type GuardedFs } from '../../outside/mount/guarded-fs.ts';
import { MountGuards } from '../../outside/mount/mount-guards.ts';
import type { ReadVariable, Seeds } from '../../site/fastly/resolve.ts';
import { withoutSealed } from '../../site/settings/exposed.ts';
import { type SiteSettings, settingsName } from '../../site/settings.ts';

/** Whose everything is that a run touches. */
export const runKey = '/run' as FolderKey;

/** Plain data: it crosses to the thread of the run. */
export interface RunFolder {
  /** Absolute real path. */
  readonly directory: string;
  readonly modulePath: ModulePath;
  readonly settings: SiteSettings;
  /** Some are sealed, and only the daemon opens them. */
  readonly lacksSecrets: boolean;
  /** What its key-value stores begin with. */
  readonly seeds: Seeds;
  /** What the person should be told. */
  readonly notes: readonly string[];
}

export interface RunFolderWorld {
  readonly limits: Limits;
  /** Variables that the folder may have as secrets. */
  readonly variable: ReadVariable;
}

/**
 * The file that a person named, absolute: where they are or, if that is not there, in the folder.
 * @throws TerrafirmaError `usage`: it is in neither.
 */
export function findModule(
  given: string,
  { workingDirectory, directory }: { workingDirectory: string; directory: string | undefined },
): string {
  const file = path.resolve(workingDirectory, given);
  if (directory === undefined || existsSync(file)) return file;
  const inFolder = path.resolve(directory, given);
  if (existsSync(inFolder)) return inFolder;
  const places = file === inFolder ? file : `${file} and ${inFolder}`;
  const rule = 'it must be here or in the folder';
  throw new TerrafirmaError('usage', `Cannot run ${given}: ${rule}: received none at ${places}`);
}

/**
 * @param directory As the person gave it, absolute.
 * @param file The module, absolute.
 * @throws TerrafirmaError `usage`: the folder cannot be read, or does not serve the module;
 * `bad-settings`.
 */
export async function openRunFolder(
  directory: string,
  file: string,
  world: RunFolderWorld,
): Promise<RunFolder> {
  const [realDirectory, realFile] = await Promise.all([findPath(directory), findPath(file)]);
  const inside = path.relative(realDirectory, realFile).split(path.sep);
  if (!inside.every(isServedName)) {
    const rule = `it must be a module that ${directory} serves`;
    throw new TerrafirmaError('usage', `Cannot run ${file}: ${rule}: received ${realFile}`);
  }
  const { limits } = world;
  const fs = new MountGuards(limits).fsOf(realDirectory, ownerOf(runKey));
  const fastly = await readFastly({ ...world, fs, directory: realDirectory });
  const bytes = await readSettings(fs, realDirectory, limits);
  const read = settingsOfBoth(bytes, limits.settingsBytesMax, fastly);
  const settings = withoutSealed(read);
  return {
    directory: realDirectory,
    modulePath: inside.join('/') as ModulePath,
    settings,
    lacksSecrets: settings !== read,
    seeds: fastly?.settings.seeds ?? new Map(),
    notes: fastly?.settings.notes ?? [],
  };
}

async function findPath(given: string): Promise<string> {
  try {
    return await realpath(given);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      throw new TerrafirmaError('usage', `Cannot run: a path must exist: received ${given}`);
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new TerrafirmaError('usage', `Cannot find ${given}: received ${reason}`);
  }
}

async function readSettings(
  fs: GuardedFs,
  directory: string,
  { settingsBytesMax }: Limits,
): Promise<Uint8Array | undefined> {
  const file = path.join(directory, settingsName);
  try {
    if (!(await fs.lstat(file)).isFile()) throw refuseSettings('it must be a regular file');
    return (await fs.readFile(file, settingsBytesMax)).bytes;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    if (error instanceof FileTooLargeError) throw refuseSettings(error.message);
    throw error;
  }
}

function refuseSettings(rule: string): TerrafirmaError {
  return new TerrafirmaError('bad-settings', `Cannot run the module: ${settingsName}: ${rule}`);
}
