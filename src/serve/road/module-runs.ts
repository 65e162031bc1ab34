/** The end of the road for a module: its guest answers. */
import type { Account } from '../../account/account.ts';
import type { Shares } from '../../account/shares.ts';
import { countLoopHops, loopHopsMax } from '../../capability/fetch/headers.ts';
import type { ThreadCapabilities } from '../../capability/lending.ts';
import type { RunReport } from '../../engine/run/report.ts';
import type { RunSeats } from '../../engine/run/seating.ts';
import type { LinkedRequest } from '../../engine/supply/linked-request.ts';
import type { GuestPool } from '../../engine/supply/pool.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { RequestRecord } from '../../journal/request-record.ts';
import type { Digest, ModulePath } from '../../names.ts';
import { limitsFor } from '../../site/settings.ts';
import type { Route, Site } from '../../site/table.ts';
import type { HttpExchange } from '../exchange.ts';
import type { Conversations } from '../websocket/conversations.ts';
import type { Tunnels } from '../websocket/tunnels.ts';
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

  constructor(options: ModuleRunsOptions) {
    this.#options = options;
    const { blockedRuns: blocked, visits } = options.capabilities.side('fetch');
    this.#callers = new Callers({ visits, blocked });
  }

  /**
   * Runs the module for one visit, and leaves why it failed in the visit; the exchange may be
   * without an answer then.
   *
   * @throws TerrafirmaError `loop`, `overloaded`, and why the module cannot be had.
   */
  async run(visit: Visit, site: Site, route: ModuleRoute): Promise<void> {
    const { exchange, record } = visit;
    const { account, pool, replica, capabilities, conversations, tunnels, onReady } = this.#options;
    const { upgrade } = exchange;
    noteRoute(record, route);
    const loopHops = countLoopHops(exchange.request.headers);
    if (loopHops > loopHopsMax) throw looping(loopHops);
    const entered = capabilities.side('fetch').visits.enter(exchange.request.headers);
    exchange.enterModule(route.scriptName, route.pathInfo);
    const held = replica.moduleOf(route.digest);
    const { spans } = visit;
    const loaded =
      held instanceof Promise
        ? await (spans === undefined ? held : spans.watch('module.load', () => held))
        : held;
    const isInner = visit.passage?.isInner === true;
    const limits = site.settings && limitsFor(site.settings, route.modulePath);
    const shares = runShares(site, route.modulePath, exchange.request.clientAddress);
    const linked = entered && this.#callers.receive(entered.callers, visit.passage?.seat.request);
    const seats = seatsFor(visit, site, { modulePath: route.modulePath, linked });
    const guest = pool.acquire(loaded, shares, limits, { record, seats });
    const caller = this.#callers.of(guest.seating);
    const share = account.shareOf(site.owner);
    const run = spans?.beginRun(held instanceof Promise);
    const lent = capabilities.forRun({
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
      spans: run,
    });
    // What a link sends behind it comes back to the link, which may want to read the answer.
    if (site.settings?.site?.compress === 'all' && !isInner) beginCoding(exchange);
    exchange.keepBody(limits?.requestBodyBytes);
    const converses = upgrade !== undefined && !guest.takesUpgrades && exchange.next === undefined;
    if (upgrade !== undefined && guest.takesUpgrades) {
      upgrade.watch();
      exchange.tunnelBy((head, server) => tunnels.pass({ upgrade, head, server, shares, share }));
    }
    if (converses) pool.requireFree(shares);
    const report = converses
      ? await conversations.hold({
          ...{ exchange, upgrade, guest, shares, share },
          capabilities: lent,
        })
      : await guest.run(exchange, lent);
    caller.close();
    run?.end(report.cause !== undefined);
    if (held instanceof Promise) onReady?.(route.digest);
    exchange.releaseBody();
    exchange.codeReplies(undefined);
    note(record, report);
    visit.failure = report.error;
  }
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

/** Behind itself a module would wait for seats that it has. */
function seatsFor(
  { passage }: Visit,
  site: Site,
  run: { readonly modulePath: ModulePath; readonly linked: LinkedRequest | undefined },
): RunSeats {
  const { modulePath, linked } = run;
  const isBehindItself = passage?.isBehind(modulePath) === true;
  const hasOwnSeats = ownRunsOf(site, modulePath) !== undefined && !isBehindItself;
  return { shared: passage?.seat, linked, hasOwnSeats };
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
