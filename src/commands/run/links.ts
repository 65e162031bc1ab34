/** Which modules of a folder stand before a path of it. Pure. */
import { TerrafirmaError } from '../../errors.ts';
import { type ModulePath, parseRequestPath } from '../../names.ts';
import { otherNamesOf, readingsOf } from '../../site/path-readings.ts';
import { rulesBefore } from '../../site/settings/middleware.ts';
import type { SiteSettings } from '../../site/settings.ts';

/** The outermost first. */
export function linksBefore(
  { middleware, site }: Pick<SiteSettings, 'middleware' | 'site'>,
  target: string,
): readonly ModulePath[] {
  if (middleware === undefined) return [];
  return rulesBefore(middleware, pathsOf(target, site)).flatMap(
    (rule) => middleware.rules[rule]?.links ?? [],
  );
}

function pathsOf(target: string, site: SiteSettings['site']): readonly (readonly string[])[] {
  try {
    const path = parseRequestPath(target);
    return [...readingsOf(path), ...otherNamesOf(path, site)];
  } catch (error) {
    if (error instanceof TerrafirmaError) return [];
    throw error;
  }
}
