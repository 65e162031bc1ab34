/** The folder half of `terrafirma doctor`: touches the folder, through its mount's guard. */
import path from 'node:path';
import type { Config, Mount } from '../../config/config.ts';
import { openPlaces } from '../../daemon/places.ts';
import { capFiles } from '../../deploy/folder/limits.ts';
import { readQuarantined } from '../../deploy/keep/quarantine.ts';
import { type ListedVersion, listVersions } from '../../deploy/keep/versions.ts';
import type { ListedFile } from '../../deploy/look/scan.ts';
import { listFolder } from '../../deploy/look/scan.ts';
import type { Finding } from '../../doctor/finding.ts';
import { stepForRefused } from '../../doctor/refused-module.ts';
import { TerrafirmaError } from '../../errors.ts';
import { openJournal } from '../../journal/journal.ts';
import {
  classifyName,
  explainName,
  type FolderKey,
  type FolderPath,
  type HostName,
  ownerOf,
  quoteReceived,
} from '../../names.ts';
import { errnoOf, FileTooLargeError, type GuardedFs } from '../../outside/mount/guarded-fs.ts';
import type { LocatedFolder } from '../../outside/mount/locate.ts';
import { MountGuards } from '../../outside/mount/mount-guards.ts';
import { grantedVariables } from '../../outside/secrets/variables.ts';
import type { Manifest } from '../../site/manifest.ts';
import { manifestName, mayReadAnonymously, parseManifest } from '../../site/manifest.ts';
import { ModuleJudge } from '../inspect/judge.ts';
import { checkSettings } from './settings.ts';

export interface FolderFindings {
  readonly findings: readonly Finding[];
  /** A module that would answer, for an example. */
  readonly modulePath: string | undefined;
  /** The host names that the folder lists; undefined: it says nothing, or nobody could look. */
  readonly hostNames?: readonly HostName[] | undefined;
}

const namesToldMax = 20;
const digestShown = 12;
/** What is wrong is a finding here. */
const silent = openJournal();

const noMount: Finding = {
  mark: 'bad',
  id: 'mount',
  text: 'no mount is configured here: the folder cannot be looked at',
  nextStep: 'Say where folders are found: --mount /keybase=/keybase',
};

/** Never rejects for what is wrong with the folder: that is what it reports. */
export async function checkFolder(folder: FolderPath, config: Config): Promise<FolderFindings> {
  if (config.mounts.length === 0) return { findings: [noMount], modulePath: undefined };
  const guards = new MountGuards(config.limits);
  const { locator } = openPlaces(config, guards);
  const before = checkPlace(folder, locator.mountOf(folder), config);
  if (before.some(({ mark }) => mark === 'bad')) return { findings: before, modulePath: undefined };
  const inside = await checkLocated(config, guards, () => locator.locate(folder));
  return { ...inside, findings: [...before, ...inside.findings] };
}

/** Whether a mount has the folder, and whether whoever runs the daemon may see it. */
function checkPlace(
  folder: FolderPath,
  mount: Mount | undefined,
  { botUser, mounts }: Config,
): readonly Finding[] {
  if (mount === undefined) {
    const [, first = ''] = folder.key.split('/');
    const served = mounts.map(({ prefix }) => prefix).join(', ');
    const text = `No mount has the prefix /${first}: the operator serves ${served}`;
    const nextStep = `${text}: add one with --mount, or correct the record`;
    return [{ mark: 'bad', id: 'mount', text, nextStep }];
  }
  const found: Finding = { mark: 'ok', id: 'mount', text: `${mount.prefix} is ${mount.directory}` };
  if (botUser === undefined || folder.type !== 'private') return [found];
  const user = botUser.toLowerCase();
  if (folder.writers.includes(user) || folder.readers.includes(user)) {
    const may = folder.writers.includes(user) ? 'write' : 'read';
    return [found, { mark: 'ok', id: 'writer', text: `${user} may ${may} the folder` }];
  }
  const nextStep = `Share the folder with ${user}, and name it in the record`;
  const text = `${user} is neither among its writers nor its readers`;
  return [found, { mark: 'bad', id: 'writer', text, nextStep }];
}

/** The same of the one folder of `config.folder`. */
export function checkServedFolder(config: Config): Promise<FolderFindings> {
  const guards = new MountGuards(config.limits);
  return checkLocated(config, guards, () => openPlaces(config, guards).folder);
}

async function checkLocated(
  config: Config,
  guards: MountGuards,
  locate: () => Promise<LocatedFolder> | LocatedFolder | undefined,
): Promise<FolderFindings> {
  const findings: Finding[] = [];
  try {
    const located = await locate();
    if (located === undefined) return { findings: [noMount], modulePath: undefined };
    const { key, directory } = located;
    findings.push({ mark: 'ok', id: 'folder', text: `${key} is ${directory}` });
    const fs = guards.fsOf(located.mount.directory, ownerOf(located.key));
    return await lookInside(located, { fs, config, findings });
  } catch (error) {
    const isExpected = error instanceof TerrafirmaError || errnoOf(error) !== undefined;
    if (!isExpected || !(error instanceof Error)) throw error;
    findings.push({ mark: 'bad', id: 'folder', text: error.message });
    return { findings, modulePath: undefined };
  }
}

async function lookInside(
  { directory, key: folderKey }: LocatedFolder,
  options: { readonly fs: GuardedFs; readonly config: Config; readonly findings: Finding[] },
): Promise<FolderFindings> {
  const { fs, config, findings } = options;
  const { limits } = config;
  const manifest = await readManifest(fs, directory, limits.manifestBytesMax);
  findings.push(judgeAccess(manifest));
  const names = new UnservedNames();
  const onName = (segments: readonly string[]): void => names.take(segments);
  const listing = await listFolder({ fs, directory, limits, onName });
  for (const note of listing.notes) {
    findings.push({ mark: 'note', id: 'file', text: `${note.path}: ${note.reason}` });
  }
  findings.push(...names.findings());
  const modules = new Set<string>(listing.files.map((file) => file.path));
  const variable = grantedVariables(config.secrets.variables, process.env);
  const place = { fs, directory, folderKey, config, modules, variable };
  const settings = await checkSettings(place);
  findings.push(...settings.findings);
  // Of the daemon on this machine, if any: marks that cannot be read are told by the daemon.
  const quarantined = await readQuarantined(config.stateDirectory, silent);
  await using judge = new ModuleJudge({ limits, quarantined });
  const serving = await readServing(config, folderKey);
  let modulePath: string | undefined;
  for (const { file, refusal } of capFiles(listing.files, () => false, limits)) {
    const problem =
      refusal?.detail ?? (await judgeFile(file, { fs, judge, config, notes: findings }));
    const isReadable = mayReadAnonymously(manifest, file.path.split('/'));
    const isLink = settings.links.has(file.path);
    const before = problem === undefined ? undefined : serving.get(file.path);
    findings.push(describeFile(file, problem, { isReadable, isLink, before }));
    if (problem === undefined && isReadable && !isLink) modulePath ??= file.path;
  }
  if (listing.files.length === 0) {
    const { entries } = await fs.readdir(directory, limits.folderEntriesMax);
    findings.push(describeNoModules(entries.every(({ name }) => name.startsWith('.'))));
  }
  findings.push(...(await checkIndex(fs, directory, modules)));
  return { findings, modulePath, hostNames: settings.hostNames };
}

/** Whether visitors of the name alone find something. */
async function checkIndex(
  fs: GuardedFs,
  directory: string,
  modules: ReadonlySet<string>,
): Promise<readonly Finding[]> {
  if (modules.has('index.wasm')) return [{ mark: 'ok', id: 'index', text: '/ is index.wasm' }];
  try {
    await fs.lstat(path.join(directory, 'index.html'));
    return [{ mark: 'ok', id: 'index', text: '/ is index.html' }];
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    const text = '`/` answers 404: no index.html and no index.wasm';
    return [{ mark: 'note', id: 'index', text }];
  }
}

/** Files that are 404 for their names: nobody but `check` tells the owner. */
class UnservedNames {
  readonly #named: Finding[] = [];
  #count = 0;

  take(segments: readonly string[]): void {
    const name = segments.at(-1) ?? '';
    // Of conflict copies of modules the listing tells.
    const isTold = classifyName(name) === 'conflict' && /\.wasm$/i.test(name);
    const reason = isTold ? undefined : explainName(name);
    if (reason === undefined) return;
    this.#count += 1;
    if (this.#named.length >= namesToldMax) return;
    const text = `${quoteReceived(segments.join('/'))} is never served: ${reason}`;
    this.#named.push({ mark: 'note', id: 'file', text });
  }

  findings(): readonly Finding[] {
    const more = this.#count - this.#named.length;
    if (more === 0) return this.#named;
    const text = `${more} more are never served for their names`;
    return [...this.#named, { mark: 'note', id: 'file', text }];
  }
}

async function readManifest(fs: GuardedFs, directory: string, bytesMax: number): Promise<Manifest> {
  try {
    const { bytes } = await fs.readFile(path.join(directory, manifestName), bytesMax);
    return parseManifest(bytes, bytesMax);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return parseManifest(undefined, bytesMax);
    throw error;
  }
}

function judgeAccess(manifest: Manifest): Finding {
  if (mayReadAnonymously(manifest, [])) {
    const why = manifest.isConfigured ? `${manifestName} lets anybody read` : 'anybody may read';
    return { mark: 'ok', id: 'access', text: why };
  }
  return {
    mark: 'bad',
    id: 'access',
    text: `${manifestName} does not let anybody read at /: visitors get 403`,
    nextStep: `Grant "read" to anybody for "/" in ${manifestName}`,
  };
}

/** Why the file would not be served; undefined when it would. */
async function judgeFile(
  file: ListedFile,
  parts: {
    readonly fs: GuardedFs;
    readonly judge: ModuleJudge;
    readonly config: Config;
    /** Gets what is no problem and yet worth knowing. */
    readonly notes: Finding[];
  },
): Promise<string | undefined> {
  try {
    const { moduleBytesMax } = parts.config.limits;
    const { bytes } = await parts.fs.readFile(file.realPath, moduleBytesMax);
    const judged = await parts.judge.judge(bytes);
    if (judged.kind === 'refused') return judged.error.detail;
    if (judged.start.failure !== undefined) return judged.start.failure;
    if (judged.slowReason !== undefined) parts.notes.push(describeSlow(file, judged.slowReason));
    return undefined;
  } catch (error) {
    if (error instanceof FileTooLargeError) return error.message;
    if (errnoOf(error) === 'EACCES' && error instanceof Error) return error.message;
    throw error;
  }
}

/**
 * What a daemon with this state directory has accepted and serves of the folder, by path; nothing
 * where none ever ran here. Of several nodes a rollback is not seen: another version serves then.
 */
async function readServing(
  { stateDirectory }: Config,
  folderKey: FolderKey,
): Promise<ReadonlyMap<string, ListedVersion>> {
  const serving = new Map<string, ListedVersion>();
  try {
    for (const { isGone, modulePath, versions } of await listVersions(
      stateDirectory,
      folderKey,
      silent,
    )) {
      const version = versions.find(({ isServing }) => isServing);
      if (!isGone && version !== undefined) serving.set(modulePath, version);
    }
  } catch (error) {
    // Whoever may not look into the state is told of the files alone.
    if (!(error instanceof TerrafirmaError) && errnoOf(error) === undefined) throw error;
  }
  return serving;
}

function describeSlow({ path: name }: ListedFile, reason: string): Finding {
  const text = `${name} would run slowly, because V8's optimiser may not have it: ${reason}`;
  return { mark: 'note', id: `module:${name}`, text };
}

function describeFile(
  file: ListedFile,
  problem: string | undefined,
  about: {
    readonly isReadable: boolean;
    readonly isLink: boolean;
    /** What was accepted before and serves, of a file with a problem. */
    readonly before: ListedVersion | undefined;
  },
): Finding {
  const { path: name } = file;
  const id = `module:${name}`;
  const { before, isLink, isReadable } = about;
  if (problem !== undefined) {
    const nextStep = stepForRefused(name, problem);
    const bad = { mark: 'bad', id, nextStep } as const;
    if (before === undefined) return { ...bad, text: `${name}: ${problem}` };
    const { acceptedAtMs, digest } = before;
    const when = new Date(acceptedAtMs).toISOString();
    const instead = `version ${digest.slice(0, digestShown)}, accepted ${when}, serves instead`;
    return { ...bad, text: `${name}: ${problem}; ${instead}`, isCovered: true };
  }
  if (isLink) return { mark: 'ok', id, text: `${name} would stand before others` };
  if (isReadable) return { mark: 'ok', id, text: `${name} would be served` };
  const text = `${name} is good, but ${manifestName} does not let anybody read it`;
  return { mark: 'note', id, text };
}

function describeNoModules(isEmpty: boolean): Finding {
  if (!isEmpty) {
    return { mark: 'note', id: 'module', text: 'there is none: only files would be served' };
  }
  return {
    mark: 'bad',
    id: 'module',
    text: 'the folder is empty',
    nextStep: 'Copy a .wasm file, or an index.html, into the folder',
  };
}
