/**
 * Which module answers for a path that is neither a module nor a file: one that `[[routes]]` name,
 * or the nearest `index.wasm` at or above it.
 */
import { fromErrorRecord, TerrafirmaError } from '../../errors.ts';
import type { RequestPath } from '../../names.ts';
import {
  indexModules,
  pathOfStanding,
  routedModules,
  routeStanding,
  type Standing,
} from '../../site/functions.ts';
import { isPrivate } from '../../site/private-files.ts';
import type { Route, Site } from '../../site/table.ts';
import type { Doorkeeper } from './doorkeeper.ts';
import type { ModuleRoute } from './module-runs.ts';
import type { Replica } from './replica.ts';
import type { Visit } from './visit.ts';

export interface FoundFunction {
  /** The picture that the module is in. */
  readonly site: Site;
  readonly route: ModuleRoute;
}

export interface SiteFunctionsOptions {
  readonly replica: Pick<Replica, 'siteWithVerdict'>;
  readonly doorkeeper: Pick<Doorkeeper, 'allows'>;
}

export class SiteFunctions {
  readonly #options: SiteFunctionsOptions;

  constructor(options: SiteFunctionsOptions) {
    this.#options = options;
  }

  /**
   * The module of the first route that has one and holds for the method.
   *
   * @throws TerrafirmaError: why the module was refused.
   */
  async byRoute(visit: Visit, site: Site, path: RequestPath): Promise<FoundFunction | undefined> {
    const { routes } = site.settings ?? {};
    if (routes === undefined) return undefined;
    for (const standing of routedModules(routes, path, visit.exchange.request.method)) {
      const found = await this.#find(site, standing, true);
      if (found !== undefined) return this.#choose(visit, found, standing);
    }
    return undefined;
  }

  /**
   * The nearest `index.wasm`; of a folder that has just come into use, also one that nobody has
   * seen yet.
   *
   * @throws TerrafirmaError: why it was refused.
   */
  async byIndex(visit: Visit, site: Site, path: RequestPath): Promise<FoundFunction | undefined> {
    for (const standing of indexModules(path)) {
      const found = await this.#findSeenOrNew(site, standing);
      if (found === undefined) continue;
      const segments = standing.modulePath.split('/');
      const rules = found.site.settings?.privateFiles ?? [];
      if (isPrivate(rules, { segments, isDirectory: false })) return undefined;
      return await this.#choose(visit, found, standing);
    }
    return undefined;
  }

  /** The same where nothing has to be waited for; undefined also where something has. */
  indexNow({ exchange }: Visit, site: Site, path: RequestPath): ModuleRoute | undefined {
    for (const standing of indexModules(path)) {
      const route = routeStanding(site, standing);
      if (route.kind === 'unknown-module' && site.isIncomplete !== true) continue;
      if (route.kind !== 'module') return undefined;
      const asked = pathOfStanding(standing, exchange.request.query);
      const isOpen = !isPrivate(site.settings?.privateFiles ?? [], asked);
      const allows = isOpen && this.#options.doorkeeper.allows(exchange, site, asked) === true;
      return allows ? route : undefined;
    }
    return undefined;
  }

  /** While the folder is away nothing new can be seen; what was kept answers all the same. */
  async #findSeenOrNew(site: Site, standing: Standing): Promise<Found | undefined> {
    try {
      return await this.#find(site, standing, site.isIncomplete === true);
    } catch (error) {
      if (error instanceof TerrafirmaError && error.code === 'folder-unreachable') return undefined;
      throw error;
    }
  }

  async #find(site: Site, standing: Standing, waits: boolean): Promise<Found | undefined> {
    const route = routeStanding(site, standing);
    if (route.kind !== 'unknown-module') return { site, route };
    if (!waits) return undefined;
    const newest = await this.#options.replica.siteWithVerdict(site, standing.modulePath);
    const later = routeStanding(newest, standing);
    return later.kind === 'unknown-module' ? undefined : { site: newest, route: later };
  }

  /** Who may not read the module finds nothing there, as where there is none. */
  async #choose(
    { exchange, record }: Visit,
    { site, route }: Found,
    standing: Standing,
  ): Promise<FoundFunction | undefined> {
    const path = pathOfStanding(standing, exchange.request.query);
    const allowed = this.#options.doorkeeper.allows(exchange, site, path);
    if (!(allowed === true || (await allowed))) return undefined;
    if (route.kind === 'failure') {
      record.counterRow = route.counterRow;
      throw fromErrorRecord(route.error);
    }
    return route.kind === 'module' ? { site, route } : undefined;
  }
}

interface Found {
  readonly site: Site;
  readonly route: Route;
}
