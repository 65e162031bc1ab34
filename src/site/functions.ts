/**
 * Modules that answer for paths which are not their own: `[[routes]]`, and the nearest `index.wasm`
 * at or above a path. Pure.
 */
import { isServedName, type ModulePath, type RequestPath } from '../names.ts';
import { matchAll } from './path-patterns.ts';
import type { RouteRule, Routes } from './settings/routes.ts';
import { indexPath, type Route, routeModule, type ScriptPlace, type Site } from './table.ts';

/** A module that may answer, and how it sees its place. */
export interface Standing extends ScriptPlace {
  readonly modulePath: ModulePath;
}

/** An `index.wasm` so many directories down still answers for all below it. */
export const indexDepthMax = 32;

/**
 * The rules that match, in their order; a module sees what stands before the `*` as its own name.
 *
 * @param method As it came.
 */
export function routedModules(
  { table, rules }: Routes,
  path: RequestPath,
  method: string,
): readonly Standing[] {
  const found: Standing[] = [];
  for (const number of matchAll(table, wholePath(path))) {
    const rule = rules[number];
    if (rule === undefined || !takesMethod(rule, method.toUpperCase())) continue;
    found.push({ modulePath: rule.modulePath, ...placeAt(path, rule.depth) });
  }
  return found;
}

/** Whoever answers GET answers HEAD (RFC 9110, section 9.3.2). */
function takesMethod({ methods }: RouteRule, method: string): boolean {
  if (methods === undefined || methods.has(method)) return true;
  return method === 'HEAD' && methods.has('GET');
}

/** The places of an `index.wasm` at or above the path, the nearest first. */
export function indexModules(path: RequestPath): readonly Standing[] {
  const { segments, isDirectory } = path;
  const directories = isDirectory ? segments : segments.slice(0, -1);
  const served = directories.findIndex((name) => !isServedName(name));
  const deepest = Math.min(served === -1 ? directories.length : served, indexDepthMax);
  const found: Standing[] = [];
  for (let depth = deepest; depth >= 0; depth -= 1) {
    const modulePath = indexPath(directories.slice(0, depth));
    found.push({ modulePath, ...placeAt(path, depth) });
  }
  return found;
}

/** The module of this picture that would answer, where neither a module nor a file is. */
export function functionFor(site: Site, path: RequestPath, method: string): ModulePath | undefined {
  const { routes } = site.settings ?? {};
  const routed = routes === undefined ? [] : routedModules(routes, path, method);
  const all = [...routed, ...indexModules(path)];
  return all.find(({ modulePath }) => site.modules.has(modulePath))?.modulePath;
}

/** Where it leads, if this picture knows of the module at all. */
export function routeStanding(site: Site, standing: Standing): Route {
  return routeModule(site, standing.modulePath, standing);
}

/**
 * The path of `standing` as the folder's rules about readers see it: who may not read the module
 * may not have it answer, whatever the path.
 */
export function pathOfStanding({ modulePath, pathInfo }: Standing, query: string): RequestPath {
  return { segments: modulePath.split('/'), isDirectory: false, modulePath, pathInfo, query };
}

/** Splits the path after so many segments; undefined: after all of it. */
function placeAt(path: RequestPath, depth: number | undefined): ScriptPlace {
  const names = namesOf(path);
  if (depth === undefined) return { scriptName: wholePath(path), pathInfo: '' };
  const scriptName = joined(names.slice(0, depth));
  const rest = joined(names.slice(depth));
  return { scriptName, pathInfo: `${rest}${endOf(path)}` };
}

function wholePath(path: RequestPath): string {
  return `${joined(namesOf(path))}${endOf(path)}`;
}

/** The segments as they came, up to a module's name. */
function namesOf({ segments, version }: RequestPath): readonly string[] {
  if (version === undefined) return segments;
  return [...segments.slice(0, -1), `${segments.at(-1)}@${version}`];
}

function endOf({ isDirectory, pathInfo }: RequestPath): string {
  return isDirectory ? '/' : pathInfo;
}

function joined(names: readonly string[]): string {
  return names.map((name) => `/${name}`).join('');
}
