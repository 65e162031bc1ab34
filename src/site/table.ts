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

/** A module with a good version, or one that never had any and why. */
export type SiteModule = {
  /** Where its requests are counted (`src/journal/counters.ts`); left out: with the others. */
  readonly counterRow?: number;
} & (
  | { readonly kind: 'serving'; readonly digest: Digest; readonly abi: string }
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
}

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
  if (path.modulePath !== undefined) {
    return routeModule(site, path.modulePath, path.pathInfo);
  }
  return { kind: 'file', segments: path.segments, isDirectory: path.isDirectory };
}

/**
 * Where a directory leads that has no index.html: to its `index.wasm`, whatever is known of it.
 * Undefined when no module may have such a path.
 */
export function routeIndex(site: Site, segments: readonly string[]): Route | undefined {
  if (!segments.every(isServedName)) return undefined;
  return routeModule(site, [...segments, indexModule].join('/') as ModulePath, '');
}

const indexModule = 'index.wasm';

function routeModule(site: Site, modulePath: ModulePath, pathInfo: string): Route {
  const module = site.modules.get(modulePath);
  if (module === undefined) return { kind: 'unknown-module', modulePath };
  const { counterRow = 0 } = module;
  if (module.kind === 'refused') return { kind: 'failure', error: module.error, counterRow };
  const scriptName = `/${modulePath}`;
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
