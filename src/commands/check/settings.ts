/**
 * What `terrafirma check` says of a folder's terrafirma.toml and fastly.toml. Touches the folder,
 * by its guard.
 */
import path from 'node:path';
import type { Config } from '../../config/config.ts';
import type { ResolvedFastly } from '../../deploy/folder/fastly-files.ts';
import { readFastly, settingsOfBoth } from '../../deploy/folder/read-fastly.ts';
import type { Finding } from '../../doctor/finding.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { FolderKey, HostName } from '../../names.ts';
import { errnoOf, FileTooLargeError, type GuardedFs } from '../../outside/mount/guarded-fs.ts';
import { fastlyName } from '../../site/fastly/fastly-toml.ts';
import type { ReadVariable } from '../../site/fastly/resolve.ts';
import { lower } from '../../site/settings/ceilings.ts';
import { describeExposed } from '../../site/settings/exposed.ts';
import { splitFaults } from '../../site/settings/fault.ts';
import type { SiteSettings } from '../../site/settings/site-settings.ts';
import { parseSettings, settingsName } from '../../site/settings.ts';

export interface SettingsPlace {
  readonly fs: GuardedFs;
  readonly directory: string;
  readonly folderKey: FolderKey;
  readonly config: Config;
  /** Variables of this machine that folders may have as secrets. */
  readonly variable: ReadVariable;
  /** Paths of the folder's modules. */
  readonly modules: ReadonlySet<string>;
}

export interface SettingsFindings {
  readonly findings: readonly Finding[];
  /** The host names that the folder lists; undefined: it says nothing. */
  readonly hostNames: readonly HostName[] | undefined;
  /** Modules that stand before others, and answer nobody by their own names. */
  readonly links: ReadonlySet<string>;
}

/** Rejects only when the folder cannot be read. */
export async function checkSettings(place: SettingsPlace): Promise<SettingsFindings> {
  const findings: Finding[] = [];
  const fastly = await checkFastly(place, findings);
  const settings = await readBoth(place, fastly, findings);
  if (settings === undefined) return { findings, hostNames: undefined, links: new Set() };
  const all = [...findings, ...judgeSettings(settings, place)];
  const links = settings.middleware?.links ?? new Set<string>();
  return { findings: all, hostNames: settings.hostNames, links };
}

/** What is lowered, absent, or to be read by others. */
function judgeSettings(
  settings: SiteSettings,
  { config, folderKey, modules }: SettingsPlace,
): readonly Finding[] {
  const exposed = describeExposed(settings, folderKey, config.botUser);
  const notes = lower(settings, { limits: config.limits, grants: config.grants }).notes;
  return [
    ...absentLinks(settings, modules),
    ...[...notes, ...absentModules(settings, modules)].map(noteOf('settings')),
    ...(exposed === undefined ? [] : [exposed]).map(noteOf('secrets')),
  ];
}

/** What both files say together; undefined where there is nothing, or nothing that is right. */
async function readBoth(
  { fs, directory, config }: SettingsPlace,
  fastly: ResolvedFastly | 'broken' | undefined,
  findings: Finding[],
): Promise<SiteSettings | undefined> {
  const { settingsBytesMax } = config.limits;
  try {
    const bytes = await readThere(fs, path.join(directory, settingsName), settingsBytesMax);
    if (bytes === undefined && typeof fastly !== 'object') return undefined;
    // While nobody knows what it names, no name is a mistake.
    const settings =
      fastly === 'broken'
        ? parseSettings(bytes, settingsBytesMax, { areNamesLater: true })
        : settingsOfBoth(bytes, settingsBytesMax, fastly);
    if (bytes !== undefined) {
      findings.push({ mark: 'ok', id: 'settings', text: `${settingsName} is valid` });
    }
    return settings;
  } catch (error) {
    findings.push(...faultsOf(settingsName, error));
    return undefined;
  }
}

async function checkFastly(
  { fs, directory, config, variable }: SettingsPlace,
  findings: Finding[],
): Promise<ResolvedFastly | 'broken' | undefined> {
  try {
    const fastly = await readFastly({ fs, directory, variable, limits: config.limits });
    if (fastly === undefined) return undefined;
    const { length: count } = fastly.paths;
    const files = count === 1 ? 'one file' : `${count} files`;
    const named = count === 0 ? '' : `, with ${files} that it names`;
    findings.push({ mark: 'ok', id: 'settings', text: `${fastlyName} is valid${named}` });
    findings.push(...fastly.settings.notes.map(noteOf('secrets')));
    return fastly;
  } catch (error) {
    findings.push(...faultsOf(fastlyName, error));
    return 'broken';
  }
}

async function readThere(
  fs: GuardedFs,
  file: string,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  try {
    return (await fs.readFile(file, bytesMax)).bytes;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** One for each mistake. @throws what is no fault of the file */
function faultsOf(name: string, error: unknown): readonly Finding[] {
  const isFault = error instanceof TerrafirmaError || error instanceof FileTooLargeError;
  if (!isFault) throw error;
  return splitFaults(error.message).map((text) => {
    return { mark: 'bad', id: 'settings', text, nextStep: `Mend ${name}: ${text}` };
  });
}

function noteOf(id: string): (text: string) => Finding {
  return (text) => ({ mark: 'note', id, text });
}

/** A name that nothing has is most often misspelled. */
function absentModules(
  { cron, routes, modules: tables }: SiteSettings,
  modules: ReadonlySet<string>,
): readonly string[] {
  const named = [
    ...(cron ?? []).map(({ modulePath }) => ({ where: '[[cron]]', modulePath })),
    ...(routes?.rules ?? []).map(({ modulePath }) => ({ where: '[[routes]]', modulePath })),
    ...[...tables.keys()].map((modulePath) => ({ where: 'a table', modulePath })),
  ];
  const absent = named.filter(({ modulePath }) => !modules.has(modulePath));
  const sentences = absent.map(
    ({ where, modulePath }) => `${where} names ${modulePath}, which is not in the folder`,
  );
  return [...new Set(sentences)];
}

/** What stands behind one that is absent is shown to nobody. */
function absentLinks(
  { middleware }: SiteSettings,
  modules: ReadonlySet<string>,
): readonly Finding[] {
  const absent = [...(middleware?.links ?? [])].filter((link) => !modules.has(link));
  return absent.map((link) => {
    const text = `[[middleware]] names ${link}, which is not in the folder: its paths answer 500`;
    return { mark: 'bad', id: 'settings', text, nextStep: `Copy ${link} into the folder` };
  });
}
