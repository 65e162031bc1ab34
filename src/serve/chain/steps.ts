/**
 * Which links stand before a path. Each link of a chain asks anew for the same path, so what was
 * found is kept with the path, for as long as the folder says the same.
 */
import type { RequestPath } from '../../names.ts';
import { otherNamesOf, readingsOf, stoodForBy } from '../../site/path-readings.ts';
import { type Middleware, rulesBefore } from '../../site/settings/middleware.ts';
import type { Site } from '../../site/table.ts';
import { ruledPath } from '../road/rules/redirects.ts';
import type { Step } from './passage.ts';

interface Found {
  readonly site: Site;
  readonly target: string;
  readonly steps: readonly Step[];
}

export class Steps {
  readonly #found = new WeakMap<RequestPath, Found>();
  readonly #waysRound = new WeakMap<RequestPath, { readonly site: Site; readonly is: boolean }>();

  /** The links of all rules that match, in the order of the file; `path` was read from `target`. */
  before(path: RequestPath, target: string, site: Site): readonly Step[] {
    const known = this.#found.get(path);
    if (known?.site === site && known.target === target) return known.steps;
    const steps = find(path, target, site);
    this.#found.set(path, { site, target, steps });
    return steps;
  }

  /** Whether a module asked for by its own name would answer for a path that has links. */
  isWayRound(path: RequestPath, site: Site): boolean {
    const { middleware } = site.settings ?? {};
    if (middleware === undefined) return false;
    const known = this.#waysRound.get(path);
    if (known?.site === site) return known.is;
    const is = rulesBefore(middleware, stoodForBy(site, path)).length > 0;
    this.#waysRound.set(path, { site, is });
    return is;
  }
}

function find(path: RequestPath, target: string, site: Site): readonly Step[] {
  const { middleware } = site.settings ?? {};
  if (middleware === undefined) return [];
  const ruled = ruledPath(path);
  const pathInfo = path.isDirectory && ruled !== '/' ? `${ruled}/` : ruled;
  const names = [
    ruled.slice(1).split('/'),
    ...readingsOf(path),
    ...otherNamesOf(path, site.settings?.site),
  ];
  return stepsOf(rulesBefore(middleware, names), middleware, { target, pathInfo });
}

function stepsOf(
  rules: readonly number[],
  middleware: Middleware,
  asked: Pick<Step, 'target' | 'pathInfo'>,
): readonly Step[] {
  return rules.flatMap((rule) =>
    (middleware.rules[rule]?.links ?? []).map((modulePath, position) => ({
      ...{ modulePath, rule, position, ...asked },
    })),
  );
}
