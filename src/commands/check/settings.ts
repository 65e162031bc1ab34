/** What `terrafirma check` says of a folder's terrafirma.toml. Touches the folder, by its guard. */
import path from 'node:path';
import type { Config } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { FolderKey } from '../../names.ts';
import { errnoOf, FileTooLargeError, type GuardedFs } from '../../outside/mount/guarded-fs.ts';
import { lower } from '../../site/settings/ceilings.ts';
import { describeExposed } from '../../site/settings/exposed.ts';
import type { SiteSettings } from '../../site/settings/site-settings.ts';
import { parseSettings, settingsName } from '../../site/settings.ts';
import type { Finding } from './report.ts';

export interface SettingsPlace {
  readonly fs: GuardedFs;
  readonly directory: string;
  readonly folderKey: FolderKey;
  readonly config: Config;
  /** Paths of the folder's modules. */
  readonly modules: ReadonlySet<string>;
}

/** Rejects only when the folder cannot be read. */
export async function checkSettings(place: SettingsPlace): Promise<readonly Finding[]> {
  const { fs, directory, folderKey, config, modules } = place;
  const { settingsBytesMax } = config.limits;
  let settings: SiteSettings;
  try {
    const { bytes } = await fs.readFile(path.join(directory, settingsName), settingsBytesMax);
    settings = parseSettings(bytes, settingsBytesMax);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    const isFault = error instanceof TerrafirmaError || error instanceof FileTooLargeError;
    if (!isFault) throw error;
    const nextStep = `Mend ${settingsName}: ${error.message}`;
    return [{ mark: 'bad', subject: 'settings', text: error.message, nextStep }];
  }
  const exposed = describeExposed(settings, folderKey, config.botUser);
  const notes = lower(settings, { limits: config.limits, grants: config.grants }).notes;
  return [
    { mark: 'ok', subject: 'settings', text: `${settingsName} is valid` },
    ...[...notes, ...absentModules(settings, modules)].map(noteOf('settings')),
    ...(exposed === undefined ? [] : [exposed]).map(noteOf('secrets')),
  ];
}

function noteOf(subject: string): (text: string) => Finding {
  return (text) => ({ mark: 'note', subject, text });
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
