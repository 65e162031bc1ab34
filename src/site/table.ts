/**
 * A site as the serving threads see it: an immutable picture of one folder, replaced whole. Pure:
 * routing a request looks at this and nothing else.
 */
import type { ErrorRecord } from '../errors.ts';
import {
  type Digest,
  type FolderKey,
  isServedName,
  type ModulePath,
  type OwnerKey,
  type RequestPath,
} from '../names.ts';
import type { Manifest } from './manifest.ts';
import type { SiteSettings } from './settings.ts';
import type { TopNames } from './top-names.ts';

export interface ModuleVersion {
  readonly digest: Digest;
  readonly abi: string;
}

/** A module with a good version, or one that never had any and why. */
export type SiteModule = {
  /** Where its requests are counted (`src/journal/counters.ts`); left out: with the others. */
  readonly counterRow?: number;
} & (
  | {
      readonly kind: 'serving';
      readonly digest: Digest;
      readonly abi: string;
      /** All that are kept, where the owner gives them addresses. */
      readonly versions?: readonly ModuleVersion[];
    }
  | { readonly kind: 'refused'; readonly error: ErrorRecord }
);

export interface Site {
  readonly folderKey: FolderKey;
  /** Whose share of everything the site uses. */
  readonly owner: OwnerKey;
  /** Absolute real path of the folder; static files are read below it. */
  readonly directory: string;
  /** The mount's directory as configured: file operations are guarded per mount. */
  readonly mountDirectory: string;
  /** Counts publishes of this folder: a later picture never yields to an earlier one. */
  readonly generation: number;
  readonly manifest: Manifest;
  /** Why nothing of the folder may be served, such as a `.kbp_config` that cannot be read. */
  readonly failure: ErrorRecord | undefined;
  /** Left out where the folder has none. */
  readonly settings?: SiteSettings;
  readonly modules: ReadonlyMap<ModulePath, SiteModule>;
  /** There may be modules that have never been seen: the folder has just come into use. */
  readonly isIncomplete?: true;
  /** At the last look its `index.wasm` had no page beside it: nobody need look for one. */
  readonly lacksIndexPage?: true;
  /** What it had beside its `index.wasm` then; left out where there is none, or too much. */
  readonly topNames?: TopNames;
}

/** The page that answers for a directory, before its `index.wasm` does. */
export const indexPageName = 'index.html';

export type Route =
  | {
      readonly kind: 'module';
      readonly modulePath: ModulePath;
      readonly digest: Digest;
      readonly abi: string;
      /** Decoded; see RequestHead. */
      readonly scriptName: string;
      readonly pathInfo: string;
      readonly counterRow: number;
    }
  | { readonly kind: 'failure'; readonly error: ErrorRecord; readonly counterRow: number }
  /** Neither a module nor a file. */
  | { readonly kind: 'nothing' }
  /** No such module in this picture: the control plane knows whether a verdict is still to come. */
  | { readonly kind: 'unknown-module'; readonly modulePath: ModulePath }
  /** A file or directory below the folder; for a directory see `routeIndex`. */
  | {
      readonly kind: 'file';
      readonly segments: readonly string[];
      readonly isDirectory: boolean;
    };

/**
 * Where `path` leads in `site`: the first segment that ends in `.wasm` names the module, the rest
 * stays visible to the guest (docs/spec/folders.md, 3.1); anything else is a file.
 */
export function routeRequest(site: Site, path: RequestPath): Route {
  const { modulePath, version, pathInfo } = path;
  if (modulePath !== undefined) {
    if (version !== undefined) return routeVersion(site, { modulePath, version, pathInfo });
    return routeModule(site, modulePath, { scriptName: `/${modulePath}`, pathInfo });
  }
  return { kind: 'file', segments: path.segments, isDirectory: path.isDirectory };
}

/**
 * Where a directory leads that has no index.html: to its `index.wasm`, whatever is known of it. The
 * directory is what the module answers for (see `functions.ts`). Undefined when no module may have
 * such a path.
 */
export function routeIndex(site: Site, segments: readonly string[]): Route | undefined {
  if (!segments.every(isServedName)) return undefined;
  const place = { scriptName: segments.map((name) => `/${name}`).join(''), pathInfo: '/' };
  return routeModule(site, indexPath(segments), place);
}

/** The module that answers for a directory. */
export function indexPath(directory: readonly string[]): ModulePath {
  return [...directory, indexModule].join('/') as ModulePath;
}

export function isIndex(modulePath: ModulePath): boolean {
  return modulePath === indexModule || modulePath.endsWith(`/${indexModule}`);
}

const indexModule = 'index.wasm';

/** How a module sees its place in the path (RFC 3875, sections 4.1.5 and 4.1.13); decoded. */
export interface ScriptPlace {
  readonly scriptName: string;
  readonly pathInfo: string;
}

/** The kept version that alone begins with those digits. */
function routeVersion(
  site: Site,
  asked: { readonly modulePath: ModulePath; readonly version: string; readonly pathInfo: string },
): Route {
  const { modulePath, version, pathInfo } = asked;
  const module = site.modules.get(modulePath);
  const isStillToCome = module === undefined && site.isIncomplete === true;
  if (isStillToCome) return { kind: 'unknown-module', modulePath };
  const versions = module?.kind === 'serving' ? (module.versions ?? []) : [];
  const [found, another] = versions.filter(({ digest }) => digest.startsWith(version));
  if (found === undefined || another !== undefined) return { kind: 'nothing' };
  const scriptName = `/${modulePath}@${version}`;
  const { counterRow = 0 } = module ?? {};
  return { kind: 'module', modulePath, ...found, scriptName, pathInfo, counterRow };
}

/** Where the module leads that lies there, whatever is known of it. */
export function routeModule(
  site: Site,
  modulePath: ModulePath,
  { scriptName, pathInfo }: ScriptPlace,
): Route {
  const module = site.modules.get(modulePath);
  if (module === undefined) return { kind: 'unknown-module', modulePath };
  const { counterRow = 0 } = module;
  if (module.kind === 'refused') return { kind: 'failure', error: module.error, counterRow };
  return {
    kind: 'module',
    modulePath,
    digest: module.digest,
    abi: module.abi,
    scriptName,
    pathInfo,
    counterRow,
  };
}
