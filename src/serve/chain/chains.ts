/**
 * Middleware: modules that a folder puts before whatever a path leads to. Each link is a run like
 * any other, with fresh state, grants and a budget of its own. A link that is not there, or was
 * refused, answers with that: what it guards is never shown without it.
 */
import type { Account } from '../../account/account.ts';
import type { Limits } from '../../config/config.ts';
import { fromErrorRecord, TerrafirmaError } from '../../errors.ts';
import type { ModulePath, RequestPath } from '../../names.ts';
import { otherNamesOf, readingsOf, stoodForBy } from '../../site/path-readings.ts';
import { type Middleware, rulesBefore } from '../../site/settings/middleware.ts';
import { routeModule, type Site } from '../../site/table.ts';
import type { ExchangeOptions } from '../exchange-options.ts';
import type { Failures } from '../road/failures.ts';
import type { ModuleRoute, ModuleRuns } from '../road/module-runs.ts';
import type { Replica } from '../road/replica.ts';
import { headersFor } from '../road/rules/headers.ts';
import { ruledPath } from '../road/rules/redirects.ts';
import type { Visit } from '../road/visit.ts';
import { Next } from './next.ts';
import { Passage, type Step } from './passage.ts';

export interface ChainsOptions {
  readonly replica: Pick<Replica, 'siteWithVerdict'>;
  readonly runs: Pick<ModuleRuns, 'run'>;
  readonly failures: Failures;
  readonly account: Account;
  readonly exchange: ExchangeOptions;
  readonly limits: Pick<Limits, 'middlewareStepsMax'>;
}

export class Chains {
  readonly #options: ChainsOptions;

  constructor(options: ChainsOptions) {
    this.#options = options;
  }

  /**
   * Runs the links before `path` that the visit has not passed yet. True: all of them passed it
   * on. False: it is answered, or `visit.failure` says why not.
   *
   * @param answer Answers a visit that a link sends on, from its path on.
   * @throws TerrafirmaError why a link cannot be had, and `loop`
   */
  async pass(
    visit: Visit,
    at: { readonly site: Site; readonly path: RequestPath; readonly middleware: Middleware },
    answer: (visit: Visit) => Promise<void>,
  ): Promise<boolean> {
    for (const step of stepsFor(visit, at)) {
      if (visit.passage?.hasPassed(step) === true) continue;
      if (!(await this.#run(visit, at.site, step, answer))) return false;
    }
    return true;
  }

  /** Whether a module asked for by its own name would answer for a path that has links. */
  isWayRound(site: Site, path: RequestPath): boolean {
    const { middleware } = site.settings ?? {};
    if (middleware === undefined) return false;
    return rulesBefore(middleware, stoodForBy(site, path)).length > 0;
  }

  /** Whether `path`, which nobody asked for, has links that the visit has not passed. */
  isGuarded(
    visit: Visit,
    middleware: Middleware | undefined,
    segments: readonly string[],
  ): boolean {
    if (middleware === undefined) return false;
    const { site } = visit.site?.settings ?? {};
    const names = [segments, ...otherNamesOf({ segments, isDirectory: false }, site)];
    return rulesBefore(middleware, names).some((rule) => {
      const { links } = middleware.rules[rule] ?? { links: [] };
      return links.some((_, position) => {
        const { target } = visit.exchange.request;
        return visit.passage?.hasPassed({ rule, position, target }) !== true;
      });
    });
  }

  async #run(
    visit: Visit,
    site: Site,
    step: Step,
    answer: (visit: Visit) => Promise<void>,
  ): Promise<boolean> {
    const { runs, failures, account, exchange: options } = this.#options;
    const { exchange } = visit;
    visit.passage ??= Passage.begin(this.#options.limits.middlewareStepsMax);
    visit.passage.spend();
    visit.passage.note(step);
    const route = await this.#find(visit, site, step);
    const share = account.shareOf(site.owner);
    const next = new Next(visit, visit.passage, {
      ...{ step, share, failures, answer, exchange: options },
    });
    if (visit.shownPath !== undefined) {
      const { headers } = site.settings ?? {};
      // What comes behind a link that passes on puts its own in their place.
      exchange.replaceReplyHeaders(headersFor(headers, visit.shownPath, 'module'), 'absent');
    }
    exchange.next = next;
    try {
      await runs.run(visit, site, route);
    } finally {
      exchange.next = undefined;
    }
    return visit.failure === undefined && exchange.replyState === 'none' && next.isPassedOn;
  }

  /** A link sees the whole path, as an `index.wasm` at the top does. */
  async #find(visit: Visit, site: Site, { modulePath, pathInfo }: Step): Promise<ModuleRoute> {
    const place = { scriptName: '', pathInfo };
    const wanted = modulePath as ModulePath;
    let route = routeModule(site, wanted, place);
    if (route.kind === 'unknown-module') {
      const newest = await this.#options.replica.siteWithVerdict(site, wanted);
      route = routeModule(newest, wanted, place);
    }
    if (route.kind === 'module') return route;
    if (route.kind === 'failure') {
      visit.record.counterRow = route.counterRow;
      throw fromErrorRecord(route.error);
    }
    throw new TerrafirmaError(
      'no-middleware',
      `Cannot answer: each module of [[middleware]] must be there: received none at ${modulePath}`,
    );
  }
}

/** The links of all rules that match, in the order of the file. */
function stepsFor(
  visit: Visit,
  at: { readonly site: Site; readonly path: RequestPath; readonly middleware: Middleware },
): readonly Step[] {
  const { middleware, path, site } = at;
  const { target } = visit.exchange.request;
  const ruled = ruledPath(path);
  const pathInfo = path.isDirectory && ruled !== '/' ? `${ruled}/` : ruled;
  const names = [
    ruled.slice(1).split('/'),
    ...readingsOf(path),
    ...otherNamesOf(path, site.settings?.site),
  ];
  return rulesBefore(middleware, names).flatMap((rule) =>
    (middleware.rules[rule]?.links ?? []).map((modulePath, position) => ({
      ...{ modulePath, rule, position, target, pathInfo },
    })),
  );
}
