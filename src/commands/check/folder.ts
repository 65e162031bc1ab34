/** The folder half of `terrafirma check`: touches the folder, through its mount's guard. */
import path from 'node:path';
import type { Config } from '../../config/config.ts';
import { openPlaces } from '../../daemon/places.ts';
import { capFiles } from '../../deploy/folder/limits.ts';
import { readQuarantined } from '../../deploy/keep/quarantine.ts';
import type { ListedFile } from '../../deploy/look/scan.ts';
import { listFolder } from '../../deploy/look/scan.ts';
import { TerrafirmaError } from '../../errors.ts';
import { openJournal } from '../../journal/journal.ts';
import { classifyName, explainName, type FolderPath, ownerOf, quoteReceived } from '../../names.ts';
import { errnoOf, FileTooLargeError, type GuardedFs } from '../../outside/mount/guarded-fs.ts';
import type { LocatedFolder } from '../../outside/mount/locate.ts';
import { MountGuards } from '../../outside/mount/mount-guards.ts';
import { grantedVariables } from '../../outside/secrets/variables.ts';
import type { Manifest } from '../../site/manifest.ts';
import { manifestName, mayReadAnonymously, parseManifest } from '../../site/manifest.ts';
import { ModuleJudge } from '../inspect/judge.ts';
import type { Finding } from './report.ts';
import { checkSettings } from './settings.ts';

export interface FolderFindings {
  readonly findings: readonly Finding[];
  /** A module that would answer, for an example. */
  readonly modulePath: string | undefined;
}

const namesToldMax = 20;
/** What is wrong is a finding here. */
const silent = openJournal();

const noMount: Finding = {
  mark: 'bad',
  subject: 'folder',
  text: 'no mount is configured here: the folder cannot be looked at',
  nextStep: 'Say where folders are found: --mount /keybase=/keybase',
};

/** Never rejects for what is wrong with the folder: that is what it reports. */
export async function checkFolder(folder: FolderPath, config: Config): Promise<FolderFindings> {
  if (config.mounts.length === 0) return { findings: [noMount], modulePath: undefined };
  return checkLocated(config, (guards) => openPlaces(config, guards).locator.locate(folder));
}

/** The same of the one folder of `config.folder`. */
export function checkServedFolder(config: Config): Promise<FolderFindings> {
  return checkLocated(config, (guards) => openPlaces(config, guards).folder);
}

async function checkLocated(
  config: Config,
  locate: (guards: MountGuards) => Promise<LocatedFolder> | LocatedFolder | undefined,
): Promise<FolderFindings> {
  const findings: Finding[] = [];
  try {
    const guards = new MountGuards(config.limits);
    const located = await locate(guards);
    if (located === undefined) return { findings: [noMount], modulePath: undefined };
    const { key, directory } = located;
    findings.push({ mark: 'ok', subject: 'folder', text: `${key} is ${directory}` });
    const fs = guards.fsOf(located.mount.directory, ownerOf(located.key));
    return await lookInside(located, { fs, config, findings });
  } catch (error) {
    const isExpected = error instanceof TerrafirmaError || errnoOf(error) !== undefined;
    if (!isExpected || !(error instanceof Error)) throw error;
    findings.push({ mark: 'bad', subject: 'folder', text: error.message });
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
    findings.push({ mark: 'note', subject: 'file', text: `${note.path}: ${note.reason}` });
  }
  findings.push(...names.findings());
  const modules = new Set<string>(listing.files.map((file) => file.path));
  const variable = grantedVariables(config.secrets.variables, process.env);
  const place = { fs, directory, folderKey, config, modules, variable };
  findings.push(...(await checkSettings(place)));
  // Of the daemon on this machine, if any: marks that cannot be read are told by the daemon.
  const quarantined = await readQuarantined(config.stateDirectory, silent);
  await using judge = new ModuleJudge({ limits, quarantined });
  let modulePath: string | undefined;
  for (const { file, refusal } of capFiles(listing.files, () => false, limits)) {
    const problem =
      refusal?.detail ?? (await judgeFile(file, { fs, judge, config, notes: findings }));
    const isReadable = mayReadAnonymously(manifest, file.path.split('/'));
    findings.push(describeFile(file, problem, isReadable));
    if (problem === undefined && isReadable) modulePath ??= file.path;
  }
  if (listing.files.length === 0) {
    const { entries } = await fs.readdir(directory, limits.folderEntriesMax);
    findings.push(describeNoModules(entries.every(({ name }) => name.startsWith('.'))));
  }
  return { findings, modulePath };
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
    this.#named.push({ mark: 'note', subject: 'file', text });
  }

  findings(): readonly Finding[] {
    const more = this.#count - this.#named.length;
    if (more === 0) return this.#named;
    const text = `${more} more are never served for their names`;
    return [...this.#named, { mark: 'note', subject: 'file', text }];
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
    return { mark: 'ok', subject: 'access', text: why };
  }
  return {
    mark: 'bad',
    subject: 'access',
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
    if (judged.failure !== undefined) return judged.failure;
    if (judged.slowReason !== undefined) parts.notes.push(describeSlow(file, judged.slowReason));
    return undefined;
  } catch (error) {
    if (error instanceof FileTooLargeError) return error.message;
    if (errnoOf(error) === 'EACCES' && error instanceof Error) return error.message;
    throw error;
  }
}

function describeSlow({ path: name }: ListedFile, reason: string): Finding {
  const text = `${name} would run slowly, because V8's optimiser may not have it: ${reason}`;
  return { mark: 'note', subject: 'module', text };
}

function describeFile(file: ListedFile, problem: string | undefined, isReadable: boolean): Finding {
  const { path: name } = file;
  if (problem !== undefined) {
    const nextStep = `Replace ${name}: ${problem}`;
    return { mark: 'bad', subject: 'module', text: `${name}: ${problem}`, nextStep };
  }
  if (isReadable) return { mark: 'ok', subject: 'module', text: `${name} would be served` };
  const text = `${name} is good, but ${manifestName} does not let anybody read it`;
  return { mark: 'note', subject: 'module', text };
}

function describeNoModules(isEmpty: boolean): Finding {
  if (!isEmpty) {
    return { mark: 'note', subject: 'module', text: 'there is none: only files would be served' };
  }
  return {
    mark: 'bad',
    subject: 'module',
    text: 'the folder is empty',
    nextStep: 'Copy a .wasm file, or an index.html, into the folder',
  };
}
