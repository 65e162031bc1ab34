/** What a folder serves, as an immutable picture; a new one only when something differs. */
import { isDeepStrictEqual } from 'node:util';
import { toErrorRecord } from '../errors.ts';
import type { ModulePath } from '../names.ts';
import type { LocatedFolder } from '../site/locate.ts';
import type { Manifest } from '../site/manifest.ts';
import type { Site, SiteModule } from '../site/table.ts';
import type { ManifestState } from './manifest-file.ts';

export interface PictureOptions {
  readonly nextGeneration: () => number;
  readonly onPublish: (site: Site) => void;
}

/** Nobody may read anything: what a folder with a broken `.kbp_config` answers. */
const closedManifest: Manifest = Object.freeze({
  isConfigured: true,
  anonymousRead: false,
  users: [],
  paths: [],
});

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
  publish(manifest: ManifestState, modules: ReadonlyMap<ModulePath, SiteModule>): void {
    if (manifest.kind === 'unknown') return;
    const content =
      manifest.kind === 'good'
        ? { manifest: manifest.manifest, modules }
        : { manifest: closedManifest, modules: refuseAll(modules, manifest) };
    if (this.#site !== undefined) {
      const { manifest: before, modules: modulesBefore } = this.#site;
      if (isDeepStrictEqual({ manifest: before, modules: modulesBefore }, content)) return;
    }
    this.#site = Object.freeze({
      folderKey: this.#located.key,
      directory: this.#located.directory,
      mountDirectory: this.#located.mount.directory,
      generation: this.#options.nextGeneration(),
      ...content,
    });
    this.#options.onPublish(this.#site);
  }
}

function refuseAll(
  modules: ReadonlyMap<ModulePath, SiteModule>,
  manifest: ManifestState & { readonly kind: 'broken' },
): ReadonlyMap<ModulePath, SiteModule> {
  const refused: SiteModule = { kind: 'refused', error: toErrorRecord(manifest.error) };
  return new Map([...modules.keys()].map((path) => [path, refused]));
}
