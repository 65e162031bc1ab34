/** What a folder serves, as an immutable picture; a new one only when something differs. */
import { isDeepStrictEqual } from 'node:util';
import { toErrorRecord } from '../errors.ts';
import { type ModulePath, ownerOf } from '../names.ts';
import type { LocatedFolder } from '../site/locate.ts';
import type { Manifest } from '../site/manifest.ts';
import { noSettings } from '../site/settings.ts';
import type { Site, SiteModule } from '../site/table.ts';
import type { ManifestState } from './manifest-file.ts';
import type { SettingsState } from './settings-file.ts';

export interface PictureOptions {
  readonly nextGeneration: () => number;
  readonly onPublish: (site: Site) => void;
}

/** Nobody may read anything: stands beside the failure of a broken `.kbp_config`. */
const closedManifest: Manifest = Object.freeze({
  isConfigured: true,
  anonymousRead: false,
  users: [],
  paths: [],
});

const withoutSettings: SettingsState = { kind: 'good', value: noSettings, text: undefined };

export class SitePicture {
  readonly #located: LocatedFolder;
  readonly #options: PictureOptions;
  #site: Site | undefined;

  constructor(located: LocatedFolder, options: PictureOptions) {
    this.#located = located;
    this.#options = options;
  }

  get site(): Site | undefined {
    return this.#site;
  }

  /** Swaps the picture in and tells, if it differs. Before anything is known there is none. */
  publish(
    manifest: ManifestState,
    modules: ReadonlyMap<ModulePath, SiteModule>,
    settings: SettingsState = withoutSettings,
  ): void {
    if (manifest.kind === 'unknown' || settings.kind === 'unknown') return;
    const broken = [manifest, settings].find((file) => file.kind === 'broken');
    const content = {
      manifest: manifest.kind === 'good' ? manifest.manifest : closedManifest,
      // Both files may restrict who is served: while one cannot be read, nobody is.
      failure: broken === undefined ? undefined : toErrorRecord(broken.error),
      modules,
      ...(settings.kind === 'good' ? { settings: settings.value } : {}),
    };
    if (this.#site !== undefined) {
      const { manifest: before, modules: modulesBefore, settings: settingsBefore } = this.#site;
      const contentBefore = {
        manifest: before,
        failure: this.#site.failure,
        modules: modulesBefore,
        ...(settingsBefore === undefined ? {} : { settings: settingsBefore }),
      };
      if (isDeepStrictEqual(contentBefore, content)) return;
    }
    this.#site = Object.freeze({
      folderKey: this.#located.key,
      owner: ownerOf(this.#located.key),
      directory: this.#located.directory,
      mountDirectory: this.#located.mount.directory,
      generation: this.#options.nextGeneration(),
      ...content,
    });
    this.#options.onPublish(this.#site);
  }
}
