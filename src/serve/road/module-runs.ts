/** The end of the road for a module: its guest answers. */
import type { Account } from '../../account/account.ts';
import type { Shares } from '../../account/shares.ts';
import type { Capabilities } from '../../capability/capability.ts';
import type { RunIdentity } from '../../capability/definition.ts';
import { countLoopHops, loopHopsMax } from '../../capability/fetch/headers.ts';
import type { Entered, Visits } from '../../capability/fetch/visits.ts';
import type { ThreadCapabilities } from '../../capability/lending.ts';
import type { GuestRun } from '../../engine/run/guest-run.ts';
import type { RunReport } from '../../engine/run/report.ts';
import type { RunSeats } from '../../engine/run/seating.ts';
import type { GuestPool } from '../../engine/supply/pool.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { RequestRecord } from '../../journal/request-record.ts';
import type { Digest, ModulePath } from '../../names.ts';
import { limitsFor } from '../../site/settings.ts';
import type { Route, Site } from '../../site/table.ts';
import type { LoadedModule } from '../../threads/messages.ts';
import type { HttpExchange } from '../exchange.ts';
import type { Conversations } from '../websocket/conversations.ts';
import type { Tunnels } from '../websocket/tunnels.ts';
import type { UpgradeRequest } from '../websocket/upgrade.ts';
import { Callers } from './callers.ts';
import type { Replica } from './replica.ts';
import { replyCoderFor } from './rules/coded-replies.ts';
import { sharesOf } from './shares-of.ts';
import type { Visit } from './visit.ts';

export type ModuleRoute = Route & { readonly kind: 'module' };

export interface ModuleRunsOptions {
  readonly replica: Replica;
  readonly pool: GuestPool;
  readonly capabilities: ThreadCapabilities;
  readonly conversations: Conversations;
  readonly tunnels: Tunnels;
  readonly account: Account;
  /** A module that was fetched for a run has run; left out where nobody keeps count of that. */
  readonly onReady?: (digest: Digest) => void;
}

export class ModuleRuns {
  readonly #options: ModuleRunsOptions;
  readonly #callers: Callers;
  readonly #visits: Visits;
  /** See `Scheduler.lend`. */
  readonly lend: GuestPool['lend'];

  constructor(options: ModuleRunsOptions) {
    this.#options = options;
    this.lend = options.pool.lend;
    const { blockedRuns: blocked, visits } = options.capabilities.side('fetch');
    this.#callers = new Callers({ visits, blocked });
    this.#visits = visits;
  }

  /**
   * Runs the module for one visit, and leaves why it failed in the visit; the exchange may be
   * without an answer then. Undefined where that is done already.
   *
   * @throws TerrafirmaError `loop`, `overloaded`, why the module cannot be had; at once or later
   */
  run(visit: Visit, site: Site, route: ModuleRoute): Promise<void> | undefined {
    const { exchange, record, spans } = visit;
    const { replica, onReady } = this.#options;
    noteRoute(record, route);
    const loopHops = countLoopHops(exchange.request.headers);
    if (loopHops > loopHopsMax) throw looping(loopHops);
    const entered = this.#visits.enter(exchange.request.headers);
    exchange.enterModule(route.scriptName, route.pathInfo);
    const arrival: Arrival = { visit, site, route, loopHops, entered };
    const held = replica.moduleOf(route.digest);
    if (!(held instanceof Promise)) return this.#runLoaded(arrival, held, false);
    const loading = spans === undefined ? held : spans.watch('module.load', () => held);
    return loading
      .then((loaded) => this.#runLoaded(arrival, loaded, true))
      .then(() => onReady?.(route.digest));
  }

  #runLoaded(arrival: Arrival, loaded: LoadedModule, isFirst: boolean): Promise<void> | undefined {
    const { visit, site, route } = arrival;
    const { exchange, record, spans } = visit;
    const { pool } = this.#options;
    const isInner = visit.passage?.isInner === true;
    const limits = site.settings && limitsFor(site.settings, route.modulePath);
    const shares = runShares(site, route.modulePath, exchange.request.clientAddress);
    const guest = pool.acquire(loaded, shares, limits, { record, seats: this.#seatsFor(arrival) });
    const caller = this.#callers.of(guest.seating);
    const run = spans?.beginRun(isFirst);
    const lent = this.#options.capabilities.forRun(identityOf(arrival, { caller, spans: run }));
    // What a link sends behind it comes back to the link, which may want to read the answer.
    if (site.settings?.site?.compress === 'all' && !isInner) beginCoding(exchange);
    exchange.keepBody(limits?.requestBodyBytes);
    const report =
      exchange.upgrade === undefined
        ? guest.run(exchange, lent)
        : this.#runUpgrade(arrival, { upgrade: exchange.upgrade, guest, lent, shares });
    const close = (ended: RunReport): void => {
      caller.close();
      run?.end(ended.cause !== undefined);
      exchange.releaseBody();
      exchange.codeReplies(undefined);
      note(record, ended);
      visit.failure = ended.error;
    };
    if (report instanceof Promise) return report.then(close);
    close(report);
    return undefined;
  }

  /** The client wants another protocol: a WebSocket, or what its server speaks. */
  #runUpgrade(
    { visit: { exchange }, site }: Arrival,
    run: {
      readonly upgrade: UpgradeRequest;
      readonly guest: GuestRun;
      readonly lent: Capabilities;
      readonly shares: Shares;
    },
  ): RunReport | Promise<RunReport> {
    const { account, conversations, pool, tunnels } = this.#options;
    const { guest, lent: capabilities, shares, upgrade } = run;
    const share = account.shareOf(site.owner);
    if (guest.takesUpgrades) {
      upgrade.watch();
      exchange.tunnelBy((head, server) => tunnels.pass({ upgrade, head, server, shares, share }));
    } else if (exchange.next === undefined) {
      pool.requireFree(shares);
      return conversations.hold({ exchange, upgrade, guest, shares, share, capabilities });
    }
    return guest.run(exchange, capabilities);
  }

  /** Behind itself a module would wait for seats that it has. */
  #seatsFor({ visit: { passage }, site, route, entered }: Arrival): RunSeats {
    const linked = entered && this.#callers.receive(entered.callers, passage?.seat.request);
    const isBehindItself = passage?.isBehind(route.modulePath) === true;
    const hasOwnSeats = ownRunsOf(site, route.modulePath) !== undefined && !isBehindItself;
    return { shared: passage?.seat, linked, hasOwnSeats };
  }
}

/** A visit at its module, which is found. */
interface Arrival {
  readonly visit: Visit;
  readonly site: Site;
  readonly route: ModuleRoute;
  /** Servers of this kind that the request has passed. */
  readonly loopHops: number;
  /** Undefined where a visitor asks. */
  readonly entered: Entered | undefined;
}

function identityOf(
  { visit, site, route, loopHops, entered }: Arrival,
  { caller, spans }: Pick<RunIdentity, 'caller' | 'spans'>,
): RunIdentity {
  const { record } = visit;
  return {
    folderKey: site.folderKey,
    modulePath: route.modulePath,
    requestId: record.id,
    clientAddress: record.clientAddress,
    loopHops,
    visit: entered,
    caller,
    place: site,
    siteSettings: site.settings,
    counterRow: route.counterRow,
    spans,
  };
}

function beginCoding(exchange: HttpExchange): void {
  exchange.addReplyHeader('vary', 'Accept-Encoding');
  exchange.codeReplies(replyCoderFor(exchange.request));
}

/** A module with a number of runs of its own has seats of its own; its owner pays for all. */
function runShares(site: Site, modulePath: ModulePath, clientAddress: string): Shares {
  const shares = sharesOf(site, clientAddress);
  return ownRunsOf(site, modulePath) === undefined
    ? shares
    : { ...shares, site: `${shares.site}\n${modulePath}` };
}

function ownRunsOf({ settings }: Site, modulePath: ModulePath): number | undefined {
  return settings?.modules.get(modulePath)?.limits?.runs;
}

function noteRoute(record: RequestRecord, { modulePath, counterRow, digest, abi }: ModuleRoute) {
  record.modulePath = modulePath;
  record.counterRow = counterRow;
  record.digest = digest;
  record.abi = abi;
}

function note(record: RequestRecord, report: RunReport): void {
  record.outcome = report.outcome;
  // Of all its runs, where middleware stands before it.
  record.cpuUs = (record.cpuUs ?? 0) + report.cpuUs;
  record.memoryBytes = report.memoryBytes;
  record.errorCode = report.cause?.code;
  record.errorDetail = report.cause?.detail;
}

/** A module that fetches its own address would keep the daemon busy with itself (RFC 8586). */
function looping(loopHops: number): TerrafirmaError {
  return new TerrafirmaError(
    'loop',
    `Cannot answer: a request may pass ${loopHopsMax} servers of this kind: ` +
      `received ${loopHops} in CDN-Loop`,
  );
}
