/** The path of a request as the module sees it, as on a site of that folder. Pure. */
import { TerrafirmaError } from '../../errors.ts';
import { pathOf } from '../../http/target.ts';
import { type ModulePath, parseRequestPath, type RequestPath } from '../../names.ts';
import { indexModules, routedModules } from '../../site/functions.ts';
import type { SiteSettings } from '../../site/settings.ts';
import { isIndex, type ScriptPlace } from '../../site/table.ts';

/**
 * By the module's own name where the path begins with it; else by a route that leads to it, or as
 * the `index.wasm` that it is. Where none of these holds, all of the path is behind the module.
 */
export function placeOf(
  { target, method }: { readonly target: string; readonly method: string },
  name: ModulePath,
  settings: SiteSettings | undefined,
): ScriptPlace {
  const own = urlOf(name);
  const below = target.startsWith(own) ? target.slice(own.length) : undefined;
  const isOwn = below !== undefined && (below === '' || /^[/?]/.test(below));
  const standing = isOwn ? undefined : findStanding({ target, method }, name, settings);
  if (standing !== undefined) return standing;
  const { pathInfo } = parseRequestPath(`/m.wasm${isOwn ? below : target}`);
  const isRoot = pathOf(target) === '/';
  return { scriptName: `/${name}`, pathInfo: isRoot ? '' : pathInfo };
}

/** The path of a URL under which a site has the module; of an `index.wasm`, its directory. */
export function usualTarget(name: ModulePath): string {
  const url = urlOf(name);
  return isIndex(name) ? url.slice(0, url.lastIndexOf('/') + 1) : url;
}

function urlOf(name: ModulePath): string {
  return `/${name.split('/').map(encodeURIComponent).join('/')}`;
}

function findStanding(
  { target, method }: { readonly target: string; readonly method: string },
  name: ModulePath,
  settings: SiteSettings | undefined,
): ScriptPlace | undefined {
  const path = parsePath(target);
  if (path === undefined) return undefined;
  const { routes } = settings ?? {};
  const routed = routes === undefined ? [] : routedModules(routes, path, method);
  const found = [...routed, ...indexModules(path)].find(({ modulePath }) => modulePath === name);
  return found && { scriptName: found.scriptName, pathInfo: found.pathInfo };
}

/** Undefined for what no site would lead anywhere. */
function parsePath(target: string): RequestPath | undefined {
  try {
    return parseRequestPath(target);
  } catch (error) {
    if (error instanceof TerrafirmaError) return undefined;
    throw error;
  }
}
