/**
 * The road of a request within a site: canonical host name and preflights, who may read, forced
 * redirects, module or file, and where there is neither, routes, other redirects and rewrites,
 * clean URLs, the page of a single-page application, the nearest `index.wasm`. A site without
 * rules passes most of it by.
 */
import { fromErrorRecord, TerrafirmaError } from '../../errors.ts';
import { noBytes } from '../../http/body.ts';
import { firstField } from '../../http/fields.ts';
import type { RequestPath } from '../../names.ts';
import { functionFor } from '../../site/functions.ts';
import { isPrivate } from '../../site/private-files.ts';
import type { SiteSettings } from '../../site/settings.ts';
import { type Route, routeIndex, routeRequest, type Site } from '../../site/table.ts';
import { lacks } from '../../site/top-names.ts';
import type { Chains } from '../chain/chains.ts';
import { refuseUpgrade } from '../websocket/conversations.ts';
import type { Doorkeeper } from './doorkeeper.ts';
import type { FileRoute } from './file-look.ts';
import type { StaticFiles } from './files.ts';
import { found, isMissing, noFile, notFound } from './missing.ts';
import type { ModuleRoute, ModuleRuns } from './module-runs.ts';
import { PathCache } from './path-cache.ts';
import type { Replica } from './replica.ts';
import { canonicalLocation } from './rules/canonical-host.ts';
import { corsHeaders, isPreflight, preflightReply } from './rules/cors.ts';
import { headersFor } from './rules/headers.ts';
import { findRedirection, type Redirection, ruledPath } from './rules/redirects.ts';
import { cleanRoute, hasStandIns, pageRoute, wantsApplication } from './rules/stand-ins.ts';
import { type FoundFunction, SiteFunctions } from './site-functions.ts';
import type { Visit } from './visit.ts';

/** Names the version of the module that answered. */
const versionHeader = 'x-terrafirma-version';
/** Rewrites that one request may take. */
const rewritesMax = 5;

type SettledRoute = ModuleRoute | FileRoute;

/** Of the rewrite that a request stands for; undefined where it is answered. */
type Target = string | undefined;

const nothing = (): undefined => undefined;

export interface SiteRoadOptions {
  readonly replica: Replica;
  readonly files: StaticFiles;
  readonly doorkeeper: Doorkeeper;
  readonly runs: Pick<ModuleRuns, 'run'>;
  readonly chains: Chains;
}

export class SiteRoad {
  readonly #options: SiteRoadOptions;
  readonly #paths = new PathCache();
  readonly #functions: SiteFunctions;

  constructor(options: SiteRoadOptions) {
    this.#options = options;
    this.#functions = new SiteFunctions(options);
  }

  /**
   * Answers a visit to `site`, or leaves it to the caller to say why not: what a run reports is in
   * `visit.failure`, everything else is thrown, at once or later. A request for a module of a site
   * without rules goes straight to its run: a function that waits costs as much as a hostcall.
   * Undefined where it is answered already.
   */
  answer(visit: Visit, site: Site): Promise<void> | undefined {
    const { exchange } = visit;
    const path = this.#paths.parse(exchange.request.target);
    if (site.settings !== undefined || !isServing(site, path)) {
      return this.#answerByRules(visit, site);
    }
    const asking = this.#options.doorkeeper.check(exchange, site, path);
    if (asking === undefined) return this.#answerFound(visit, site, path);
    return asking.then(() => this.#answerFound(visit, site, path));
  }

  /** Answers with that module, whatever the path leads to, behind the middleware of the path. */
  async answerWith(visit: Visit, site: Site, route: ModuleRoute): Promise<void> {
    const path = this.#paths.parse(visit.exchange.request.target);
    noteShownPath(visit, site, path);
    if (await this.#passMiddleware(visit, site, path)) await this.#run(visit, site, route);
  }

  #answerByRules(visit: Visit, site: Site, rewrites = 0): Promise<void> | undefined {
    const { exchange } = visit;
    const { settings } = site;
    const isInner = visit.passage?.isInner === true;
    if (settings !== undefined && !isInner && this.#answerAtDoor(visit, site, settings)) {
      return undefined;
    }
    const path = this.#paths.parse(exchange.request.target);
    const found = this.#answerPath(visit, site, path);
    if (found === undefined) return undefined;
    const goOn = (target: Target): Promise<void> | undefined => {
      if (target === undefined) return undefined;
      if (rewrites === rewritesMax) throw tooManyRewrites();
      exchange.rewrite(target);
      return this.#answerByRules(visit, site, rewrites + 1);
    };
    return found instanceof Promise ? found.then(goOn) : goOn(found);
  }

  /** What needs no look at the path: visitors by another name, and questions of browsers. */
  #answerAtDoor(visit: Visit, site: Site, settings: SiteSettings): boolean {
    const { exchange, hostName } = visit;
    const location = canonicalLocation(settings.site?.canonicalHost, hostName, exchange.request);
    if (location !== undefined) {
      redirect(visit, 308, location);
      return true;
    }
    const { cors } = settings;
    if (cors === undefined || this.#speaksCorsItself(visit, site, settings)) return false;
    if (isPreflight(exchange.request)) {
      exchange.send(preflightReply(cors, exchange.request), noBytes);
      visit.record.outcome = 'file';
      return true;
    }
    const origin = firstField(exchange.request.headers, 'origin');
    for (const [name, value] of corsHeaders(cors, origin)) exchange.addReplyHeader(name, value);
    return false;
  }

  /** A module may want to answer preflights itself (`cors = "module"`). */
  #speaksCorsItself({ exchange }: Visit, site: Site, { modules }: SiteSettings): boolean {
    if ([...modules.values()].every((module) => module.cors !== 'module')) return false;
    const { method, target } = exchange.request;
    const path = this.#paths.parse(target);
    const route = routeRequest(site, path);
    const answering = route.kind === 'module' ? route.modulePath : functionFor(site, path, method);
    return answering !== undefined && modules.get(answering)?.cors === 'module';
  }

  /** Answers; or the target of the rewrite that the request stands for. */
  #answerPath(visit: Visit, site: Site, path: RequestPath): Target | Promise<Target> {
    const asking = this.#options.doorkeeper.check(visit.exchange, site, path);
    if (asking !== undefined) return asking.then(() => this.#answerAdmitted(visit, site, path));
    return this.#answerAdmitted(visit, site, path);
  }

  #answerAdmitted(visit: Visit, site: Site, path: RequestPath): Target | Promise<Target> {
    noteShownPath(visit, site, path);
    const passing = this.#passMiddleware(visit, site, path);
    const goOn = (isPassed: boolean): Target | Promise<Target> =>
      isPassed ? this.#answerPassed(visit, site, path) : undefined;
    return passing instanceof Promise ? passing.then(goOn) : goOn(passing);
  }

  #answerPassed(visit: Visit, site: Site, path: RequestPath): Target | Promise<Target> {
    const forced = findRedirection(site.settings?.redirects, path, 'forced');
    if (forced !== undefined) return followRedirection(visit, forced);
    if (site.settings?.site?.indexFirst === true) return this.#answerIndexFirst(visit, site, path);
    if (path.modulePath === undefined && lacks(site.topNames, path.segments)) {
      return this.#answerAbsent(visit, site, path);
    }
    let answering: Promise<void> | undefined;
    try {
      answering = this.#answerFound(visit, site, path);
    } catch (failure) {
      return this.#answerMissing(visit, { site, path, failure });
    }
    return answering?.then(nothing, (failure: unknown) =>
      this.#answerMissing(visit, { site, path, failure }),
    );
  }

  /** Where there is neither file nor directory of that name, as the last look at the folder saw. */
  #answerAbsent(visit: Visit, site: Site, path: RequestPath): Target | Promise<Target> {
    const index = hasStandIns(site) ? undefined : this.#functions.indexNow(visit, site, path);
    if (index !== undefined) return this.#run(visit, site, index)?.then(nothing);
    return this.#answerInstead(visit, { site, path }, () => {
      this.#noteFile(visit, site);
      throw path.isDirectory ? notFound(path.segments) : noFile(path.segments);
    });
  }

  async #answerIndexFirst(visit: Visit, site: Site, path: RequestPath): Promise<Target> {
    if (await this.#answerBeforeFiles(visit, site, path)) return undefined;
    try {
      await this.#answerFound(visit, site, path);
      return undefined;
    } catch (failure) {
      return await this.#answerMissing(visit, { site, path, failure });
    }
  }

  /** @throws `failure`, where nothing stands in for what is missing; at once, or later */
  #answerMissing(
    visit: Visit,
    {
      site,
      path,
      failure,
    }: { readonly site: Site; readonly path: RequestPath; readonly failure: unknown },
  ): Promise<Target> {
    if (!isMissing(failure) || visit.exchange.replyState !== 'none') throw failure;
    return this.#answerInstead(visit, { site, path }, () => {
      throw failure;
    });
  }

  async #answerInstead(
    visit: Visit,
    { site, path }: { readonly site: Site; readonly path: RequestPath },
    fail: () => never,
  ): Promise<Target> {
    const { settings } = site;
    if (await this.#runFound(visit, this.#functions.byRoute(visit, site, path))) return undefined;
    const other = findRedirection(settings?.redirects, path, 'other');
    if (other !== undefined) return followRedirection(visit, other);
    if (settings !== undefined && (await this.#answerWithStandIn(visit, site, path)))
      return undefined;
    if (await this.#runFound(visit, this.#functions.byIndex(visit, site, path))) return undefined;
    return fail();
  }

  #passMiddleware(visit: Visit, site: Site, path: RequestPath): boolean | Promise<boolean> {
    if (site.settings?.middleware === undefined) return true;
    const at = { site, path };
    return this.#options.chains.pass(visit, at, (inner) => this.#answerByRules(inner, site));
  }

  /** With `index_first` functions come before files, but not before a module of that name. */
  async #answerBeforeFiles(visit: Visit, site: Site, path: RequestPath): Promise<boolean> {
    if (routeRequest(site, path).kind === 'module') return false;
    const isRouted = await this.#runFound(visit, this.#functions.byRoute(visit, site, path));
    return isRouted || (await this.#runFound(visit, this.#functions.byIndex(visit, site, path)));
  }

  async #runFound(visit: Visit, finding: Promise<FoundFunction | undefined>): Promise<boolean> {
    const found = await finding;
    if (found !== undefined) await this.#run(visit, found.site, found.route);
    return found !== undefined;
  }

  /**
   * Answers with the module or file that the path names.
   *
   * @throws TerrafirmaError `not-found` and nothing sent where there is neither, at once or later.
   */
  #answerFound(visit: Visit, site: Site, path: RequestPath): Promise<void> | undefined {
    const privateFiles = site.settings?.privateFiles;
    if (privateFiles !== undefined && isPrivate(privateFiles, path)) throw noFile(path.segments);
    const route = routeRequest(site, path);
    if (isLink(site, path) || this.#options.chains.isWayRound(site, path)) {
      throw noFile(path.segments);
    }
    if (route.kind === 'module') return this.#run(visit, site, route);
    return this.#answerOther(visit, { site, path, first: route });
  }

  /** With a file, or with a module that is not settled yet. */
  async #answerOther(
    visit: Visit,
    at: { readonly site: Site; readonly path: RequestPath; readonly first: Route },
  ): Promise<void> {
    const { site, path, first } = at;
    const again = (newest: Site): Route => routeRequest(newest, path);
    const route = await this.#settle(first, { visit, site }, again);
    if (route.kind === 'module') return this.#run(visit, site, route);
    if (await this.#answerFile(visit, site, route)) return;
    const seek = (newest: Site): Route => routeIndex(newest, route.segments) ?? route;
    const index = await this.#settle(seek(site), { visit, site }, seek);
    if (index.kind !== 'module') throw notFound(path.segments);
    await this.#run(visit, site, index);
  }

  /** @throws TerrafirmaError `no-websocket` */
  #noteFile({ exchange, record, shownPath }: Visit, site: Site): void {
    refuseUpgrade(exchange);
    record.outcome = 'file';
    if (shownPath !== undefined) {
      exchange.replaceReplyHeaders(headersFor(site.settings?.headers, shownPath, 'file'));
    }
  }

  async #answerFile(visit: Visit, site: Site, route: FileRoute): Promise<boolean> {
    this.#noteFile(visit, site);
    // Looking for what is not there was a fifth of the time of a request for it.
    if (site.lacksIndexPage === true && isRoot(route)) return false;
    return await this.#options.files.answer(visit.exchange, site, route);
  }

  #run(visit: Visit, site: Site, route: ModuleRoute): Promise<void> | undefined {
    const { exchange, shownPath } = visit;
    if (shownPath !== undefined) {
      exchange.replaceReplyHeaders([]);
      for (const [name, value] of headersFor(site.settings?.headers, shownPath, 'module')) {
        exchange.addReplyHeader(name, value);
      }
    }
    if (site.settings?.site?.versionsPublic === true) {
      exchange.addReplyHeader(versionHeader, route.digest);
    }
    return this.#options.runs.run(visit, site, route);
  }

  /** Where nothing is: `about.html` for `/about`, or the one page of an application. */
  async #answerWithStandIn(visit: Visit, site: Site, path: RequestPath): Promise<boolean> {
    const { exchange } = visit;
    const behaviour = site.settings?.site;
    const { method } = exchange.request;
    const clean = behaviour?.cleanUrls === true ? cleanRoute(method, path) : undefined;
    if (clean !== undefined && (await this.#tryFile(visit, site, clean))) return true;
    const page = behaviour?.spa;
    if (page === undefined || !wantsApplication(exchange.request, path)) return false;
    const application = pageRoute(page);
    if (!(await this.#isOpen(visit, site, application))) return false;
    const { headers } = site.settings ?? {};
    const others = headersFor(headers, visit.shownPath ?? ruledPath(path), 'stand-in');
    refuseUpgrade(exchange);
    visit.record.outcome = 'file';
    exchange.replaceReplyHeaders(others);
    return await found(this.#options.files.answer(exchange, site, application));
  }

  async #tryFile(visit: Visit, site: Site, route: FileRoute): Promise<boolean> {
    if (!(await this.#isOpen(visit, site, route))) return false;
    return await found(this.#answerFile(visit, site, route));
  }

  /** Whether the visitor may have that file in place of what was asked for. */
  async #isOpen(visit: Visit, site: Site, { segments }: FileRoute): Promise<boolean> {
    const { privateFiles = [], middleware } = site.settings ?? {};
    if (isPrivate(privateFiles, { segments, isDirectory: false })) return false;
    if (this.#options.chains.isGuarded(visit, middleware, segments)) return false;
    return await this.#options.doorkeeper.allows(visit.exchange, site, {
      ...{ segments, isDirectory: false, modulePath: undefined, pathInfo: '', query: '' },
    });
  }

  /**
   * A module that is not in the picture may be a file whose verdict is still to come: waits for it
   * and looks at the newest picture.
   */
  async #settle(
    first: Route,
    at: { readonly visit: Visit; readonly site: Site },
    find: (site: Site) => Route,
  ): Promise<SettledRoute> {
    const { site, visit } = at;
    let route = first;
    if (route.kind === 'unknown-module') {
      const { modulePath } = route;
      route = find(await this.#options.replica.siteWithVerdict(site, modulePath));
      if (route.kind === 'unknown-module') throw notFound([modulePath]);
    }
    if (route.kind === 'nothing') throw notFound([]);
    if (route.kind === 'failure') {
      visit.record.counterRow = route.counterRow;
      throw fromErrorRecord(route.error);
    }
    return route;
  }
}

/** What a link sends behind it keeps the path of the visitor. */
function noteShownPath(visit: Visit, { settings }: Site, path: RequestPath): void {
  if (settings?.headers === undefined || visit.passage?.isInner === true) return;
  visit.shownPath ??= ruledPath(path);
}

/** Middleware stands before others, and answers nobody who asks for it. */
function isLink({ settings }: Site, { modulePath }: RequestPath): boolean {
  return modulePath !== undefined && settings?.middleware?.links.has(modulePath) === true;
}

function isServing({ modules }: Site, { modulePath, version }: RequestPath): boolean {
  return modulePath !== undefined && version === undefined && modules.has(modulePath);
}

/** The target of a rewrite; undefined when the visitor has been answered. */
function followRedirection(visit: Visit, redirection: Redirection): string | undefined {
  if (redirection.kind === 'rewrite') return redirection.target;
  if (redirection.kind === 'gone') throw new TerrafirmaError('gone');
  redirect(visit, redirection.status, redirection.location);
  return undefined;
}

function redirect({ exchange, record }: Visit, status: number, location: string): void {
  record.outcome = 'redirected';
  exchange.replaceReplyHeaders([]);
  exchange.send({ status, headers: [['location', location]] }, noBytes);
}

function tooManyRewrites(): TerrafirmaError {
  return new TerrafirmaError(
    'loop',
    `Cannot answer: a request may be rewritten ${rewritesMax} times: received one more; look ` +
      'for redirects with status 200 that lead to each other',
  );
}

function isRoot({ isDirectory, segments }: FileRoute): boolean {
  return isDirectory && segments.length === 0;
}
