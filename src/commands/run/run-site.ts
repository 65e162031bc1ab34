/**
 * One request on the road that a serving thread has for a folder: middleware before the module,
 * and behind a link whatever the path leads to.
 */
import type { Account } from '../../account/account.ts';
import type { ThreadCapabilities } from '../../capability/lending.ts';
import type { Config } from '../../config/config.ts';
import type { GuestPool } from '../../engine/supply/pool.ts';
import { type ErrorRecord, TerrafirmaError, toErrorRecord } from '../../errors.ts';
import type { MountGuards } from '../../outside/mount/mount-guards.ts';
import { Chains } from '../../serve/chain/chains.ts';
import { HttpExchange } from '../../serve/exchange.ts';
import { newRecord } from '../../serve/rejected.ts';
import { Doorkeeper } from '../../serve/road/doorkeeper.ts';
import { Failures } from '../../serve/road/failures.ts';
import { StaticFiles } from '../../serve/road/files.ts';
import { ModuleRuns } from '../../serve/road/module-runs.ts';
import { Replica } from '../../serve/road/replica.ts';
import { SiteRoad } from '../../serve/road/site-road.ts';
import type { Visit } from '../../serve/road/visit.ts';
import { ConnectionCounts } from '../../serve/websocket/connection-counts.ts';
import { Conversations } from '../../serve/websocket/conversations.ts';
import { Tunnels } from '../../serve/websocket/tunnels.ts';
import { routeModule, type Site } from '../../site/table.ts';
import type { ControlLink } from '../../threads/control-link.ts';
import { linksBefore } from './links.ts';
import type { ReplyMessage, RunEnd, RunStart } from './messages.ts';
import { RunWire } from './run-wire.ts';

export interface RunSiteParts {
  readonly config: Config;
  readonly link: ControlLink;
  readonly guards: MountGuards;
  readonly pool: GuestPool;
  readonly account: Account;
  readonly capabilities: ThreadCapabilities;
  readonly tell: (message: ReplyMessage) => void;
}

/** Redirects inside the site that one request may take; see `Exchange.redirectInside`. */
const insideRedirectsMax = 5;
const nowMs = (): number => performance.now();

/** Never rejects: what goes wrong is in the end. */
export async function runOnSite(start: RunStart, site: Site, parts: RunSiteParts): Promise<RunEnd> {
  const { request } = start;
  const wire = new RunWire({
    body: start.body,
    headerNames: request.headers.map(([name]) => name),
    tell: parts.tell,
  });
  const exchange = new HttpExchange({ ...request }, wire, parts.config.limits);
  exchange.chargeTo(parts.account.shareOf(site.owner));
  const { method, target, clientAddress } = request;
  const visit: Visit = {
    ...{ exchange, site, record: newRecord(request.id, { method, url: target, clientAddress }) },
    ...{ hostName: undefined, shownPath: undefined, failure: undefined },
  };
  try {
    await answer(visit, site, start, openRoad(parts));
    const passing = exchange.whenPassed();
    if (passing !== undefined) await passing;
  } catch (error) {
    visit.failure = toErrorRecord(error);
  }
  return endOf(visit);
}

async function answer(visit: Visit, site: Site, start: RunStart, road: SiteRoad): Promise<void> {
  const { exchange } = visit;
  const { modulePath, request } = start;
  const { scriptName, pathInfo } = request;
  const route = routeModule(site, modulePath, { scriptName, pathInfo });
  // A link answers nobody who asks for it by its name: it is run where it stands.
  const isLink = linksBefore(site.settings ?? {}, request.target).includes(modulePath);
  if (isLink || route.kind !== 'module') await road.answer(visit, site);
  else await road.answerWith(visit, site, route);
  for (let count = 0; exchange.takeRedirect() !== undefined; count += 1) {
    if (count === insideRedirectsMax) {
      throw new TerrafirmaError('loop', 'Cannot answer: redirected inside the site too often');
    }
    await road.answer(visit, site);
  }
}

function openRoad(parts: RunSiteParts): SiteRoad {
  const { account, capabilities, config, guards, link, pool } = parts;
  const { limits } = config;
  const replica = new Replica({
    ...{ limits, link },
    onModule: () => undefined,
    onRenewed: () => undefined,
  });
  const counts = new ConnectionCounts(limits);
  const conversations = new Conversations({ limits, counts, nowMs });
  const tunnels = new Tunnels(limits, counts);
  const runs = new ModuleRuns({ replica, pool, capabilities, conversations, tunnels, account });
  const { compressedBytesMax, filesKeptBytesMax: keptBytesMax } = limits;
  const kept = { compressedBytesMax, keptBytesMax };
  const files = new StaticFiles({ guards, link, wallMs: Date.now, ...kept });
  const failures = new Failures(files);
  const doorkeeper = new Doorkeeper({ limits, link, nowMs });
  const chains = new Chains({ replica, runs, failures, account, exchange: limits, limits });
  return new SiteRoad({ replica, files, doorkeeper, runs, chains });
}

function endOf({ failure, record }: Visit): RunEnd {
  const { errorCode, errorDetail = '', modulePath, outcome } = record;
  const cause: ErrorRecord | undefined =
    errorCode === undefined ? undefined : { code: errorCode, detail: errorDetail };
  return { outcome, error: failure, cause, modulePath };
}
