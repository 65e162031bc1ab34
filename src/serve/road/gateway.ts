/**
 * The request road: host name → site → route → guest or file → answer, one line a stage.
 * Every failure on it becomes the answer of its row in the table of errors.
 */

import type { Account } from '../../account/account.ts';
import { countLoopHops, loopHopsMax } from '../../capability/fetch/headers.ts';
import type { ThreadCapabilities } from '../../capability/lending.ts';
import type { Limits } from '../../config/config.ts';
import type { RunReport } from '../../engine/run/report.ts';
import type { GuestPool } from '../../engine/supply/pool.ts';
import { type ErrorRecord, fromErrorRecord, TerrafirmaError, toErrorRecord } from '../../errors.ts';
import type { RequestRecord } from '../../journal/request-record.ts';
import type { RequestLog } from '../../journal/telemetry.ts';
import { type HostName, parseHostName, withoutSecrets } from '../../names.ts';
import type { HostRules } from '../../site/hosts.ts';
import { isPrivate } from '../../site/private-files.ts';
import { noSettings, settingsFor } from '../../site/settings.ts';
import { type Route, routeIndex, routeRequest, type Site } from '../../site/table.ts';
import type { HttpExchange } from '../exchange.ts';
import { type Conversations, refuseUpgrade } from '../websocket/conversations.ts';
import type { Doorkeeper } from './doorkeeper.ts';
import { failureHead } from './failure.ts';
import type { StaticFiles } from './files.ts';
import { PathCache } from './path-cache.ts';
import type { Replica } from './replica.ts';
import { sharesOf } from './shares-of.ts';

/** Redirects inside the site that one request may take; see `Exchange.redirectInside`. */
const insideRedirectsMax = 5;
/** In folder mode any authority is answered; the log keeps as much of it as a host name has. */
const hostNameCharsMax = 253;

type ModuleRoute = Route & { readonly kind: 'module' };
type SettledRoute = Route & { readonly kind: 'module' | 'file' };

export interface GatewayOptions {
  readonly limits: Limits;
  /** In folder mode every authority is answered and host names are not looked at. */
  readonly isFolderMode: boolean;
  readonly replica: Replica;
  readonly pool: GuestPool;
  readonly files: StaticFiles;
  readonly hostRules: HostRules;
  readonly doorkeeper: Doorkeeper;
  readonly capabilities: ThreadCapabilities;
  readonly conversations: Conversations;
  readonly account: Account;
  readonly log: RequestLog;
}

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #paths = new PathCache();

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  /** Answers one exchange and logs it. Never rejects. */
  async serve(exchange: HttpExchange, record: RequestRecord): Promise<void> {
    const startedAtMs = performance.now();
    try {
      await this.#answer(exchange, record);
      await this.#followRedirects(exchange, record);
      const passing = exchange.whenPassed();
      if (passing !== undefined) await passing;
    } catch (failure) {
      this.#fail(exchange, record, toErrorRecord(failure));
    } finally {
      // Begun, and nobody goes on with it: the client must see that it is not whole.
      if (exchange.replyState === 'started') exchange.abort();
      record.status = exchange.status;
      record.bytesSent = exchange.bytesSent;
      record.bytesReceived = exchange.bytesReceived;
      record.wallUs = Math.round((performance.now() - startedAtMs) * 1_000);
      this.#options.log.write(record);
    }
  }

  async #answer(exchange: HttpExchange, record: RequestRecord): Promise<void> {
    const hostName = this.#hostNameOf(exchange, record);
    const path = this.#paths.parse(exchange.request.target);
    const { clientAddress } = exchange.request;
    const found = this.#options.replica.siteOf(hostName, performance.now(), clientAddress);
    const site = found instanceof Promise ? await found : found;
    record.folderKey = site.folderKey;
    exchange.chargeTo(this.#options.account.shareOf(site.owner));
    if (site.failure !== undefined) throw fromErrorRecord(site.failure);
    this.#options.hostRules.checkConsent(hostName, site.settings?.hostNames);
    const asking = this.#options.doorkeeper.check(exchange, site, path);
    if (asking !== undefined) await asking;
    const { privateFiles } = site.settings ?? noSettings;
    if (privateFiles !== undefined && isPrivate(privateFiles, path)) throw noFile(path.segments);
    const first = routeRequest(site, path);
    const route =
      first.kind === 'module'
        ? first
        : await this.#settle(first, { site, record }, (newest) => routeRequest(newest, path));
    if (route.kind === 'module') return this.#run(exchange, record, { site, route });
    refuseUpgrade(exchange);
    record.outcome = 'file';
    if (await this.#options.files.answer(exchange, site, route)) return;
    const seek = (newest: Site): Route => routeIndex(newest, route.segments) ?? route;
    const index = await this.#settle(seek(site), { site, record }, seek);
    if (index.kind !== 'module') throw notFound(path.segments);
    return this.#run(exchange, record, { site, route: index });
  }

  /** A guest may answer with another path of its site (RFC 3875, section 6.2.2), which may too. */
  async #followRedirects(exchange: HttpExchange, record: RequestRecord): Promise<void> {
    for (let count = 1; exchange.takeRedirect() !== undefined; count += 1) {
      if (count > insideRedirectsMax) throw tooManyRedirects();
      await this.#answer(exchange, record);
    }
  }

  #hostNameOf(exchange: HttpExchange, record: RequestRecord): HostName | undefined {
    if (this.#options.isFolderMode) {
      const { authority } = exchange.request;
      record.hostName = withoutSecrets(authority).slice(0, hostNameCharsMax);
      return undefined;
    }
    const hostName = parseHostName(exchange.request.authority);
    record.hostName = hostName;
    return hostName;
  }

  /**
   * A module that is not in the picture may be a file whose verdict is still to come: waits for it
   * and looks at the newest picture.
   */
  async #settle(
    first: Route,
    at: { readonly site: Site; readonly record: RequestRecord },
    find: (site: Site) => Route,
  ): Promise<SettledRoute> {
    const { record, site } = at;
    let route = first;
    if (route.kind === 'unknown-module') {
      const { modulePath } = route;
      route = find(await this.#options.replica.siteWithVerdict(site, modulePath));
      if (route.kind === 'unknown-module') throw notFound([modulePath]);
    }
    if (route.kind === 'failure') {
      record.counterRow = route.counterRow;
      throw fromErrorRecord(route.error);
    }
    return route;
  }

  async #run(
    exchange: HttpExchange,
    record: RequestRecord,
    place: { readonly site: Site; readonly route: ModuleRoute },
  ): Promise<void> {
    const { site, route } = place;
    const { pool, replica, capabilities, conversations } = this.#options;
    const { upgrade } = exchange;
    record.modulePath = route.modulePath;
    record.counterRow = route.counterRow;
    record.digest = route.digest;
    record.abi = route.abi;
    const loopHops = countLoopHops(exchange.request.headers);
    if (loopHops > loopHopsMax) throw looping(loopHops);
    const visit = capabilities.side('fetch').visits.enter(exchange.request.headers);
    exchange.enterModule(route.scriptName, route.pathInfo);
    const held = replica.moduleOf(route.digest);
    const loaded = held instanceof Promise ? await held : held;
    const shares = sharesOf(site, exchange.request.clientAddress);
    const guest = pool.acquire(loaded, shares);
    const share = this.#options.account.shareOf(site.owner);
    const lent = capabilities.forRun({
      folderKey: site.folderKey,
      modulePath: route.modulePath,
      requestId: record.id,
      clientAddress: record.clientAddress,
      loopHops,
      visit,
      place: site,
      settings: () => settingsFor(site.settings ?? noSettings, route.modulePath),
    });
    exchange.keepBody();
    const report =
      upgrade === undefined
        ? await guest.run(exchange, lent)
        : await conversations.hold({
            exchange,
            upgrade,
            guest,
            capabilities: lent,
            shares,
            share,
          });
    exchange.releaseBody();
    this.#note(record, report);
    if (report.error !== undefined) this.#fail(exchange, record, report.error);
  }

  #note(record: RequestRecord, report: RunReport): void {
    record.outcome = report.outcome;
    record.cpuUs = report.cpuUs;
    record.memoryBytes = report.memoryBytes;
    record.errorCode = report.error?.code;
    record.errorDetail = report.error?.detail;
  }

  #fail(exchange: HttpExchange, record: RequestRecord, error: ErrorRecord): void {
    record.errorCode = error.code;
    record.errorDetail = error.detail;
    if (record.outcome === 'file') record.outcome = 'failed';
    if (exchange.replyState === 'started') exchange.abort();
    if (exchange.replyState !== 'none') return;
    const { head, body } = failureHead(error);
    exchange.send(head, body);
  }
}

/** A module that fetches its own address would keep the daemon busy with itself (RFC 8586). */
function looping(loopHops: number): TerrafirmaError {
  return new TerrafirmaError(
    'loop',
    `Cannot answer: a request may pass ${loopHopsMax} servers of this kind: ` +
      `received ${loopHops} in CDN-Loop`,
  );
}

function tooManyRedirects(): TerrafirmaError {
  return new TerrafirmaError(
    'loop',
    `Cannot answer: a request may be redirected inside its site ${insideRedirectsMax} times: ` +
      'received one more',
  );
}

/** As for a file that is not there: nobody learns which are private. */
function noFile(segments: readonly string[]): TerrafirmaError {
  return new TerrafirmaError('not-found', `Cannot find the file: received /${segments.join('/')}`);
}

function notFound(segments: readonly string[]): TerrafirmaError {
  return new TerrafirmaError('not-found', `Cannot find the path: received /${segments.join('/')}`);
}
