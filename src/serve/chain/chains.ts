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
import { type Route, routeModule, type ScriptPlace, type Site } from '../../site/table.ts';
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
  readonly runs: Pick<ModuleRuns, 'lend' | 'run'>;
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
  pass(
    visit: Visit,
    { site, path }: { readonly site: Site; readonly path: RequestPath },
    answer: (visit: Visit) => Promise<void> | undefined,
  ): boolean | Promise<boolean> {
    const steps = this.#steps.before(path, visit.exchange.request.target, site);
    return this.#passFrom(0, { visit, site, steps, answer });
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

  /** Most links that pass a request on wait for nothing: then there is no promise. */
  #passFrom(first: number, chain: Chain): boolean | Promise<boolean> {
    const { steps, visit } = chain;
    for (let place = first; place < steps.length; place += 1) {
      const step = steps[place];
      if (step === undefined || visit.passage?.hasPassed(step) === true) continue;
      const passing = this.#run(step, chain);
      if (passing instanceof Promise) {
        return passing.then((isPassed) => isPassed && this.#passFrom(place + 1, chain));
      }
      if (!passing) return false;
    }
    return true;
  }

  /** @throws at once, or later */
  #run(step: Step, chain: Chain): boolean | Promise<boolean> {
    const { visit } = chain;
    const passage = visit.passage ?? Passage.begin(this.#options.limits.middlewareStepsMax);
    visit.passage = passage;
    passage.spend();
    passage.note(step);
    const next = this.#open(step, passage, chain);
    const route = this.#find(step, chain);
    if (!(route instanceof Promise)) return this.#runFound(route, next, chain);
    return route.then((found) => this.#runFound(found, next, chain));
  }

  #open(step: Step, passage: Passage, { answer, site, visit }: Chain): Next {
    const { account, exchange, failures, runs } = this.#options;
    const share = account.shareOf(site.owner);
    const lend = runs.lend;
    return new Next(visit, passage, { step, share, failures, answer, exchange, lend });
  }

  #runFound(route: ModuleRoute, next: Next, { site, visit }: Chain): boolean | Promise<boolean> {
    const { exchange } = visit;
    if (visit.shownPath !== undefined) {
      const { headers } = site.settings ?? {};
      // What comes behind a link that passes on puts its own in their place.
      exchange.replaceReplyHeaders(headersFor(headers, visit.shownPath, 'module'), 'absent');
    }
    exchange.next = next;
    let running: Promise<void> | undefined;
    try {
      running = this.#options.runs.run(visit, site, route);
    } finally {
      if (running === undefined) exchange.next = undefined;
    }
    return running === undefined ? isPassed(visit, next) : follow(running, visit, next);
  }

  /** A link sees the whole path, as an `index.wasm` at the top does. */
  #find(step: Step, { site, visit }: Chain): ModuleRoute | Promise<ModuleRoute> {
    const wanted = step.modulePath as ModulePath;
    const find = (newest: Site): Route => routeModule(newest, wanted, placeOf(step));
    const route = find(site);
    if (route.kind === 'module') return route;
    if (route.kind !== 'unknown-module') return requireModule(route, step, visit);
    return this.#options.replica
      .siteWithVerdict(site, wanted)
      .then((newest) => requireModule(find(newest), step, visit));
  }
}

interface Chain {
  readonly visit: Visit;
  readonly site: Site;
  readonly steps: readonly Step[];
  /** Answers a visit that a link sends on, from its path on. */
  readonly answer: (visit: Visit) => Promise<void> | undefined;
}

function placeOf({ pathInfo }: Step): ScriptPlace {
  return { scriptName: '', pathInfo };
}

/** @throws TerrafirmaError why it cannot be had */
function requireModule(route: Route, { modulePath }: Step, visit: Visit): ModuleRoute {
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

async function follow(running: Promise<void>, visit: Visit, next: Next): Promise<boolean> {
  try {
    await running;
  } finally {
    visit.exchange.next = undefined;
  }
  return isPassed(visit, next);
}

function isPassed({ exchange, failure }: Visit, next: Next): boolean {
  return failure === undefined && exchange.replyState === 'none' && next.isPassedOn;
}
