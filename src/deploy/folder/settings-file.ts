/** The `terrafirma.toml` of one folder: what its modules are told. */
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { GuardedFs } from '../../outside/mount/guarded-fs.ts';
import { parseSettings, type SiteSettings, settingsName } from '../../site/settings.ts';
import { OwnerFile, type OwnerFileState } from './owner-file.ts';

export type SettingsState = OwnerFileState<SiteSettings>;

export interface SettingsFileOptions {
  readonly fs: GuardedFs;
  readonly directory: string;
  readonly limits: Pick<Limits, 'settingsBytesMax'>;
}

export function openSettingsFile(options: SettingsFileOptions): OwnerFile<SiteSettings> {
  const { fs, directory, limits } = options;
  const bytesMax = limits.settingsBytesMax;
  return new OwnerFile({
    fs,
    directory,
    name: settingsName,
    bytesMax,
    parse: (bytes) => parseSettings(bytes, bytesMax, { areNamesLater: true }),
    refuse: (rule) => {
      const detail = `Cannot run the modules: ${settingsName}: ${rule}`;
      return new TerrafirmaError('bad-settings', detail);
    },
  });
}
