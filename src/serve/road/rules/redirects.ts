/** What a folder's `[[redirects]]` make of one request. Pure. */
import type { RequestPath } from '../../../names.ts';
import { matchFirst } from '../../../site/path-patterns.ts';
import { expandTarget } from '../../../site/path-targets.ts';
import type { Redirects } from '../../../site/settings/redirects.ts';

export type Redirection =
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
  /** The request stands for another one of this site, which the visitor does not see. */
  | { readonly kind: 'rewrite'; readonly target: string }
  | { readonly kind: 'gone' };

/** The path of a request as rules are written about it: decoded, with what follows a module. */
export function ruledPath({ segments, pathInfo }: RequestPath): string {
  return `/${segments.join('/')}${pathInfo}`;
}

/**
 * The first rule that matches, if it holds here: `forced` rules before files and modules are looked
 * for, the others where there is neither.
 */
export function findRedirection(
  redirects: Redirects | undefined,
  path: RequestPath,
  stage: 'forced' | 'other',
): Redirection | undefined {
  if (redirects === undefined || (stage === 'forced' && !redirects.hasForced)) return undefined;
  const { table, rules } = redirects;
  const found = matchFirst(table, ruledPath(path));
  const rule = found === undefined ? undefined : rules[found.rule];
  if (found === undefined || rule === undefined) return undefined;
  if (rule.isForced !== (stage === 'forced')) return undefined;
  if (rule.target === undefined) return { kind: 'gone' };
  const target = expandTarget(rule.target, found.captures, path.query);
  if (target === undefined) return undefined;
  if (rule.status === 200) return { kind: 'rewrite', target: withoutFragment(target) };
  return { kind: 'redirect', status: rule.status, location: target };
}

/** A fragment is for browsers: no request has one. */
function withoutFragment(target: string): string {
  const hash = target.indexOf('#');
  return hash === -1 ? target : target.slice(0, hash);
}
