/**
 * Middleware: modules that a folder puts before whatever a path leads to. Each link is a run like
 * any other, with fresh state, grants and a budget of its own. A link that is not there, or was
 * refused, answers with that: what it guards is never shown without it.
 */
import type { Account } from '../../account/account.ts';
import type { Limits } from '../../config/config.ts';
import { fromErrorRecord, TerrafirmaError } from '../../errors.ts';
import type { ModulePath, RequestPath } from '../../names.ts';
import { otherNamesOf } from '../../site/path-readings.ts';
import { type Middleware, rulesBefore } from '../../site/settings/middleware.ts';
import { routeModule, type Site } from '../../site/table.ts';
import type { ExchangeOptions } from '../exchange-options.ts';
import type { Failures } from '../road/failures.ts';
import type { ModuleRoute, ModuleRuns } from '../road/module-runs.ts';
import type { Replica } from '../road/replica.ts';
import { headersFor } from '../road/rules/headers.ts';
import type { Visit } from '../road/visit.ts';
import { Next } from './next.ts';
import { Passage, type Step } from './passage.ts';
import { Steps } from './steps.ts';

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
  readonly #steps = new Steps();

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
    { site, path }: { readonly site: Site; readonly path: RequestPath },
    answer: (visit: Visit) => Promise<void>,
  ): Promise<boolean> {
    for (const step of this.#steps.before(path, visit.exchange.request.target, site)) {
      if (visit.passage?.hasPassed(step) === true) continue;
      if (!(await this.#run(visit, site, step, answer))) return false;
    }
    return true;
  }

  /** Whether a module asked for by its own name would answer for a path that has links. */
  isWayRound(site: Site, path: RequestPath): boolean {
    return this.#steps.isWayRound(path, site);
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
      const detail = `${modulePath}, a link before this path: ${route.error.detail}`;
      throw fromErrorRecord({ ...route.error, detail });
    }
    throw new TerrafirmaError(
      'no-middleware',
      `Cannot answer: each module of [[middleware]] must be there: received none at ${modulePath}`,
    );
  }
}
