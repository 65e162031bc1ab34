/** What stands before a path of a folder and is left out where one module is run alone. Pure. */
import { TerrafirmaError } from '../../errors.ts';
import { parseRequestPath } from '../../names.ts';
import { otherNamesOf, readingsOf } from '../../site/path-readings.ts';
import { rulesBefore } from '../../site/settings/middleware.ts';
import type { SiteSettings } from '../../site/settings.ts';

/** What the person should be told; undefined where nothing stands there. */
export function noteOfLinks(
  { middleware, site }: Pick<SiteSettings, 'middleware' | 'site'>,
  target: string,
): string | undefined {
  if (middleware === undefined) return undefined;
  const links = rulesBefore(middleware, pathsOf(target, site)).flatMap(
    (rule) => middleware.rules[rule]?.links ?? [],
  );
  if (links.length === 0) return undefined;
  return (
    `On the site ${links.join(', ')} would come first ([[middleware]]); run runs one module ` +
    'alone, without them: terrafirma dev, or serve, has all of it'
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
