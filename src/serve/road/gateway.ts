/**
 * The request road: host name → site → route → guest or file → answer, one line a stage.
 * Every failure on it becomes the answer of its row in the table of errors.
 */
import type { Account } from '../../account/account.ts';
import { type ErrorRecord, fromErrorRecord, TerrafirmaError, toErrorRecord } from '../../errors.ts';
import { firstField } from '../../http/fields.ts';
import type { RequestHead } from '../../http/message.ts';
import type { RequestRecord, VisitorWords } from '../../journal/request-record.ts';
import type { RequestLog } from '../../journal/telemetry.ts';
import { parseHostName, parseRequestPath, withoutSecrets } from '../../names.ts';
import type { HostRules } from '../../site/hosts.ts';
import type { Site } from '../../site/table.ts';
import type { HttpExchange } from '../exchange.ts';
import type { Bans } from './bans.ts';
import { FailurePace } from './failure-pace.ts';
import type { Failures } from './failures.ts';
import type { PanelDoor } from './panel-door.ts';
import type { Replica } from './replica.ts';
import { type SealingKeyDoor, sealingKeyTarget } from './sealing-key.ts';
import type { SiteRoad } from './site-road.ts';
import type { Tracer } from './tracer.ts';
import type { Visit } from './visit.ts';

/** Redirects inside the site that one request may take; see `Exchange.redirectInside`. */
const insideRedirectsMax = 5;
/** In folder mode any authority is answered; the log keeps as much of it as a host name has. */
const hostNameCharsMax = 253;

export interface GatewayOptions {
  /** In folder mode every authority is answered and host names are not looked at. */
  readonly isFolderMode: boolean;
  readonly replica: Replica;
  readonly road: SiteRoad;
  readonly failures: Failures;
  readonly hostRules: HostRules;
  readonly bans: Bans;
  readonly sealingKey: SealingKeyDoor;
  /** Undefined: owners have no dashboard here. */
  readonly panel: PanelDoor | undefined;
  readonly account: Account;
  readonly log: Pick<RequestLog, 'write'>;
  /** Whether it is kept what browsers say of themselves, for the log of requests. */
  readonly notesVisitors: boolean;
  /** Undefined: no request is traced. */
  readonly tracer?: Tracer | undefined;
  readonly nowMs: () => number;
}

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #pace = new FailurePace();

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  /** Answers one exchange and logs it. Never rejects. */
  async serve(exchange: HttpExchange, record: RequestRecord): Promise<void> {
    const startedAtMs = this.#options.nowMs();
    const { tracer } = this.#options;
    const spans = tracer === undefined ? undefined : tracer.begin(exchange.request, startedAtMs);
    const visit: Visit = {
      exchange,
      record,
      hostName: undefined,
      site: undefined,
      shownPath: undefined,
      passage: undefined,
      spans,
      failure: undefined,
    };
    try {
      const answering = this.#answer(visit, startedAtMs);
      if (answering !== undefined) await answering;
      if (exchange.takeRedirect() !== undefined) await this.#followRedirects(visit);
      if (visit.failure !== undefined) await this.#refuse(visit, visit.failure);
      const passing = exchange.whenPassed();
      if (passing !== undefined) await passing;
    } catch (failure) {
      await this.#refuse(visit, toErrorRecord(failure));
    } finally {
      // Nobody goes on with it: the client must see that it is not whole, or comes no more.
      if (exchange.replyState !== 'ended') exchange.abort();
      record.status = exchange.status;
      record.bytesSent = exchange.bytesSent;
      record.bytesReceived = exchange.bytesReceived;
      record.wallUs = Math.round((this.#options.nowMs() - startedAtMs) * 1_000);
      if (this.#options.notesVisitors) record.visitor = wordsOf(exchange.request);
      record.traceId = spans?.traceId;
      this.#options.log.write(record);
      if (spans !== undefined) tracer?.end(spans, record);
    }
  }

  /** What a crowd gets that asks again at once leaves at a pace. */
  async #refuse(visit: Visit, error: ErrorRecord): Promise<void> {
    const isPaced = visit.site === undefined || error.code === 'overloaded';
    const { clientAddress } = visit.exchange.request;
    const turn = isPaced ? this.#pace.wait(clientAddress) : undefined;
    if (turn !== undefined) await turn;
    await this.#options.failures.tell(visit, error);
  }

  /** Undefined where it is answered already. @throws at once, or later */
  #answer(visit: Visit, nowMs: number): Promise<void> | undefined {
    this.#readHostName(visit);
    const { clientAddress } = visit.exchange.request;
    const { account, bans, panel } = this.#options;
    if (bans.hasAny) bans.checkVisitor(visit.hostName, clientAddress);
    if (panel !== undefined && panel.hostName === visit.hostName) {
      visit.record.outcome = 'panel';
      visit.exchange.chargeTo(account.common);
      return panel.answer(visit.exchange);
    }
    const found = this.#options.replica.siteOf(visit.hostName, nowMs, clientAddress);
    if (!(found instanceof Promise)) return this.#answerFrom(visit, found);
    const { spans } = visit;
    const asked = spans === undefined ? found : spans.watch('site', () => found);
    return asked.then((site) => this.#answerFrom(visit, site));
  }

  #answerFrom(visit: Visit, site: Site): Promise<void> | undefined {
    const { account, bans, hostRules, road, sealingKey } = this.#options;
    const { exchange, record } = visit;
    record.folderKey = site.folderKey;
    if (bans.hasAny) bans.checkFolder(site.folderKey);
    exchange.chargeTo(account.shareOf(site.owner));
    if (site.failure !== undefined) {
      // What is never served is refused for that, and says nothing of the folder.
      parseRequestPath(exchange.request.target);
      throw fromErrorRecord(site.failure);
    }
    hostRules.checkConsent(visit.hostName, site.settings?.hostNames);
    if (exchange.request.target === sealingKeyTarget) {
      record.outcome = 'sealing-key';
      return sealingKey.answer(exchange, site);
    }
    visit.site = site;
    return road.answer(visit, site);
  }

  /** A guest may answer with another path of its site (RFC 3875, section 6.2.2), which may too. */
  async #followRedirects(visit: Visit): Promise<void> {
    const { exchange } = visit;
    for (let count = 1; ; count += 1) {
      await this.#answer(visit, this.#options.nowMs());
      if (exchange.takeRedirect() === undefined) return;
      if (count === insideRedirectsMax) throw tooManyRedirects();
    }
  }

  #readHostName(visit: Visit): void {
    const { authority } = visit.exchange.request;
    if (this.#options.isFolderMode) {
      visit.record.hostName = authority.slice(0, hostNameCharsMax);
    } else {
      visit.hostName = visit.exchange.hostName ?? parseHostName(authority);
      visit.record.hostName = visit.hostName;
    }
  }
}

function tooManyRedirects(): TerrafirmaError {
  return new TerrafirmaError(
    'loop',
    `Cannot answer: a request may be redirected inside its site ${insideRedirectsMax} times: ` +
      'received one more',
  );
}

/** What stands before an `@` or in the query of another site's address may be a secret there. */
function wordsOf({ headers, httpVersion }: RequestHead): VisitorWords {
  const referer = firstField(headers, 'referer');
  return {
    httpVersion,
    referer: referer === undefined ? undefined : withoutSecrets(referer),
    userAgent: firstField(headers, 'user-agent'),
  };
}
