/** What a folder serves, as an immutable picture; a new one only when something differs. */
import { isDeepStrictEqual } from 'node:util';
import { toErrorRecord } from '../../errors.ts';
import { type FolderKey, type ModulePath, ownerOf } from '../../names.ts';
import type { LocatedFolder } from '../../outside/mount/locate.ts';
import type { Manifest } from '../../site/manifest.ts';
import { noSettings } from '../../site/settings.ts';
import { indexPath, type Site, type SiteModule } from '../../site/table.ts';
import type { FolderListing } from '../look/scan.ts';
import type { ManifestState } from './manifest-file.ts';
import type { SettingsInForce } from './settings-in-force.ts';

export interface PictureOptions {
  readonly nextGeneration: () => number;
  readonly onPublish: (site: Site) => void;
  /** Where requests of a folder's modules are counted; left out: nobody counts. */
  readonly counterRows?: CounterRows;
}

export type CounterRows = (
  folderKey: FolderKey,
  modulePaths: Iterable<ModulePath>,
) => ReadonlyMap<ModulePath, number>;

/** Nobody may read anything: stands beside the failure of a broken `.kbp_config`. */
const closedManifest: Manifest = Object.freeze({
  isConfigured: true,
  anonymousRead: false,
  users: [],
  paths: [],
});

export interface PictureParts {
  readonly manifest: ManifestState;
  readonly modules: ReadonlyMap<ModulePath, SiteModule>;
  readonly inForce: Pick<SettingsInForce, 'state' | 'refusalOf'>;
  /** All that was there at the last look has been judged. */
  readonly isJudged: boolean;
}

type Files = Pick<FolderListing, 'hasIndexPage' | 'topNames'>;

/** What may differ from one picture of a folder to the next. */
function contentOf(site: Site): Partial<Site> {
  const { folderKey, owner, mountDirectory, generation, ...content } = site;
  return content;
}

export class SitePicture {
  readonly #options: PictureOptions;
  #site: Site | undefined;
  /** What the last look saw in the folder itself. */
  #files: Files = { hasIndexPage: true, topNames: undefined };
  /** All that was there has been judged once, since the folder came into use. */
  #isComplete = false;

  constructor(options: PictureOptions) {
    this.#options = options;
  }

  get site(): Site | undefined {
    return this.#site;
  }

  noteFiles({ hasIndexPage, topNames }: Files): void {
    this.#files = { hasIndexPage, topNames };
  }

  /** Swaps the picture in and tells, if it differs. Before anything is known there is none. */
  publish(located: LocatedFolder, told: PictureParts): void {
    const { manifest, inForce, isJudged } = told;
    this.#isComplete ||= isJudged;
    const settings = inForce.state;
    if (manifest.kind === 'unknown' || settings.kind === 'unknown') return;
    const broken = [manifest, settings].find((file) => file.kind === 'broken');
    const content = {
      directory: located.directory,
      manifest: manifest.kind === 'good' ? manifest.manifest : closedManifest,
      // Both files may restrict who is served: while one cannot be read, nobody is.
      failure: broken === undefined ? undefined : toErrorRecord(broken.error),
      modules: this.#withRows(located.key, withoutSecretless(told.modules, inForce)),
      ...(settings.kind === 'good' && settings.value !== noSettings
        ? { settings: settings.value }
        : {}),
      ...(this.#isComplete ? {} : { isIncomplete: true as const }),
      ...(told.modules.has(indexPath([])) ? lackingOf(this.#files) : {}),
    };
    if (this.#site !== undefined && isDeepStrictEqual(contentOf(this.#site), content)) return;
    this.#site = Object.freeze({
      folderKey: located.key,
      owner: ownerOf(located.key),
      mountDirectory: located.mount.directory,
      generation: this.#options.nextGeneration(),
      ...content,
    });
    this.#options.onPublish(this.#site);
  }

  #withRows(folderKey: FolderKey, modules: Site['modules']): Site['modules'] {
    const rows = this.#options.counterRows?.(folderKey, modules.keys());
    if (rows === undefined) return modules;
    const counted = [...modules].map(
      ([path, module]) => [path, { ...module, counterRow: rows.get(path) ?? 0 }] as const,
    );
    return new Map(counted);
  }
}

/** What nobody need look for before the `index.wasm` of the folder answers. */
function lackingOf({ hasIndexPage, topNames }: Files): Pick<Site, 'lacksIndexPage' | 'topNames'> {
  return {
    ...(hasIndexPage ? {} : { lacksIndexPage: true }),
    ...(topNames === undefined ? {} : { topNames }),
  };
}

/** A module whose secrets do not open would run without them, and not as its owner wants. */
function withoutSecretless(
  modules: ReadonlyMap<ModulePath, SiteModule>,
  inForce: Pick<SettingsInForce, 'refusalOf'>,
): ReadonlyMap<ModulePath, SiteModule> {
  const refused = new Map<ModulePath, SiteModule>();
  for (const [path, module] of modules) {
    const error = module.kind === 'serving' ? inForce.refusalOf(path, module.abi) : undefined;
    if (error !== undefined) refused.set(path, { kind: 'refused', error });
  }
  return refused.size === 0 ? modules : new Map([...modules, ...refused]);
}
