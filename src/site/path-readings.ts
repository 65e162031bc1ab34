/**
 * What the path of a request may mean to whoever answers it. A folder's rules about paths hold
 * for all of it: else the same answer is had by another spelling. Pure.
 */
import { foldName, type ModulePath, type RequestPath } from '../names.ts';
import { matchAll } from './path-patterns.ts';
import type { SiteBehaviour } from './settings/site.ts';
import { isIndex, type Site } from './table.ts';

type Names = readonly string[];

/**
 * What a rule may mean by the path. The owner may close `/app.wasm/admin`, though it is the module
 * that reads what comes after its name, and it may take dot segments for what they say or not: so
 * the rules of either reading must agree.
 */
export function readingsOf({
  segments,
  pathInfo,
}: Pick<RequestPath, 'segments' | 'pathInfo'>): readonly Names[] {
  if (pathInfo === '') return [segments];
  return restsOf(pathInfo).map((rest) => [...segments, ...rest]);
}

/** What answers for a directory: a page, or a module that may answer for all below, too. */
const indexPage = 'index.html';
const indexModule = 'index.wasm';

const pageEnding = '.html';

/**
 * The other names of what a path shows: a directory is its index, and the page of that name the
 * directory; with `clean_urls` a page is also what it is called without its ending. A rule for one
 * of them alone would be walked round by the other.
 */
export function otherNamesOf(
  { segments, isDirectory }: Pick<RequestPath, 'segments' | 'isDirectory'>,
  site: Pick<SiteBehaviour, 'cleanUrls'> | undefined,
): readonly Names[] {
  const isClean = site?.cleanUrls === true;
  if (isDirectory) {
    const names = [indexPage, indexModule, ...(isClean ? [withoutEnding(indexPage)] : [])];
    return names.map((name) => [...segments, name]);
  }
  const [directory, name] = [segments.slice(0, -1), segments.at(-1) ?? ''];
  const folded = foldName(name);
  return [
    ...(folded === indexPage ? [directory] : []),
    ...(isClean && folded.endsWith(pageEnding) ? [[...directory, withoutEnding(folded)]] : []),
  ];
}

function withoutEnding(page: string): string {
  return page.slice(0, -pageEnding.length);
}

/**
 * Paths that a module asked for by its own name takes the request for, as an `index.wasm` or by a
 * route: `/index.wasm/admin` looks to it like `/admin`.
 */
export function stoodForBy(site: Site, path: RequestPath): readonly Names[] {
  const { modulePath, pathInfo } = path;
  if (modulePath === undefined) return [];
  const rests = pathInfo === '' ? [[]] : restsOf(pathInfo);
  return [
    ...(isIndex(modulePath) ? belowDirectory(path.segments.slice(0, -1), rests) : []),
    ...routedTo(site, modulePath, rests),
  ];
}

/** Programs see what follows the directory, all others the whole path. */
function belowDirectory(directory: Names, rests: readonly Names[]): readonly Names[] {
  const whole = rests.filter((rest) => directory.every((name, index) => rest[index] === name));
  return [...rests.map((rest) => [...directory, ...rest]), ...whole];
}

function routedTo(
  { settings }: Site,
  modulePath: ModulePath,
  rests: readonly Names[],
): readonly Names[] {
  const { routes } = settings ?? {};
  if (routes?.rules.some((rule) => rule.modulePath === modulePath) !== true) return [];
  const { table, rules } = routes;
  const isItsOwn = (rule: number): boolean => rules[rule]?.modulePath === modulePath;
  const whole = rests.filter((rest) => matchAll(table, `/${rest.join('/')}`).some(isItsOwn));
  const below = table.patterns
    .filter(({ rule, pattern }) => pattern.hasRest && isItsOwn(rule))
    .flatMap(({ pattern }) => rests.map((rest) => [...pattern.segments, ...rest]));
  return [...whole, ...below];
}

/** With dot segments as names, and taken for what they say. */
function restsOf(pathInfo: string): readonly Names[] {
  const names = pathInfo.split('/').filter((name) => name !== '' && name !== '.');
  if (!names.includes('..')) return [names];
  const resolved: string[] = [];
  for (const name of names) {
    if (name === '..') resolved.pop();
    else resolved.push(name);
  }
  return [names, resolved];
}
