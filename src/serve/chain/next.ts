/** What stands behind one link of middleware, as the link's guest sees it. */
import type { GivingUp, NextInChain } from '../../abi/abi.ts';
import type { Share } from '../../account/share.ts';
import type { OutboundRequest, StreamedReply } from '../../capability/fetch/contract.ts';
import { CapabilityRefusal } from '../../capability/refusal.ts';
import { type ErrorRecord, errorRow, TerrafirmaError, toErrorRecord } from '../../errors.ts';
import { connectionHeaders } from '../../http/connection-headers.ts';
import type { Header } from '../../http/message.ts';
import { queryOf } from '../../http/target.ts';
import { HttpExchange } from '../exchange.ts';
import type { ExchangeOptions, RoutableHead } from '../exchange-options.ts';
import { newRecord } from '../rejected.ts';
import type { Failures } from '../road/failures.ts';
import type { Visit } from '../road/visit.ts';
import { ChainWire } from './chain-wire.ts';
import type { Passage, Step } from './passage.ts';

/** Redirects inside the site that one request may take; see `Exchange.redirectInside`. */
const insideRedirectsMax = 5;
const serverErrorMin = 500;
/** What only the daemon says, and what is about one connection alone. */
const leftOut: ReadonlySet<string> = new Set([
  ...['x-terrafirma-cron', 'x-terrafirma-scheduled-at', 'content-length', 'host'],
  ...connectionHeaders,
]);

export interface NextOptions {
  readonly exchange: ExchangeOptions;
  /** See `Scheduler.lend`. */
  readonly lend: <R>(act: () => R) => R;
  readonly share: Share;
  readonly failures: Failures;
  /** Answers a visit, from its path on. */
  readonly answer: (visit: Visit) => Promise<void> | undefined;
}

export class Next implements NextInChain {
  readonly #options: NextOptions;
  readonly #visit: Visit;
  readonly #passage: Passage;
  readonly #step: Step;
  #isPassedOn = false;
  /** What has the seat of the link: the first that it sent of those that are under way. */
  #covered: { readonly wire: ChainWire; readonly ended: Promise<void> | undefined } | undefined;

  constructor(visit: Visit, passage: Passage, how: { readonly step: Step } & NextOptions) {
    this.#visit = visit;
    this.#passage = passage;
    this.#step = how.step;
    this.#options = how;
  }

  get isPassedOn(): boolean {
    return this.#isPassedOn;
  }

  passOn(): void {
    this.#isPassedOn = true;
  }

  open(request: OutboundRequest, asker: GivingUp): StreamedReply | Promise<StreamedReply> {
    try {
      this.#passage.spend();
    } catch (error) {
      if (error instanceof TerrafirmaError) throw new CapabilityRefusal('limit', error.message);
      throw error;
    }
    const covered = this.#covered;
    if (covered?.wire.isFinished !== true || covered.ended === undefined) {
      return this.#send(request, asker);
    }
    // Its answer is there: what is left of its run is short, and gives the seat back.
    return covered.ended.then(() => this.#send(request, asker));
  }

  /** What is behind has the link's turn: most of it waits for nothing, and so the link neither. */
  #send(request: OutboundRequest, asker: GivingUp): StreamedReply | Promise<StreamedReply> {
    const { exchange: outer } = this.#visit;
    const wire = new ChainWire({
      body: request.body,
      isHead: request.method === 'HEAD',
      facts: () => outer.connection,
    });
    const exchange = new HttpExchange(this.#headOf(request), wire, this.#options.exchange);
    exchange.chargeTo(this.#options.share);
    asker.onGiveUp(() => wire.giveUp());
    const isBeside = this.#covered !== undefined;
    const serving = this.#options.lend(() => this.#serve(exchange, isBeside));
    const end = (): void => {
      if (!wire.isFinished) wire.giveUp();
      asker.onGiveUp(undefined);
      if (!isBeside) this.#covered = undefined;
    };
    if (serving === undefined) end();
    else if (isBeside) void serving.then(end);
    else this.#covered = { wire, ended: serving.then(end) };
    return wire.reply;
  }

  #headOf({ method, url, headers, body }: OutboundRequest): RoutableHead {
    const { exchange } = this.#visit;
    const target = targetOf(url);
    const shown: Header[] = [['host', exchange.request.authority]];
    const knownBytes = body instanceof Uint8Array ? body.length : body.knownBytes;
    if (knownBytes !== undefined && knownBytes > 0) shown.push(['content-length', `${knownBytes}`]);
    for (const header of headers) if (!leftOut.has(header[0])) shown.push(header);
    return {
      ...exchange.request,
      hostName: exchange.hostName,
      method,
      target,
      query: queryOf(target),
      scriptName: '',
      pathInfo: '',
      headers: shown,
    };
  }

  /** Undefined where it is over. Never rejects: what goes wrong is the answer. */
  #serve(exchange: HttpExchange, isBeside: boolean): Promise<void> | undefined {
    const outer = this.#visit;
    const { id, method, target, clientAddress } = exchange.request;
    const record = newRecord(id, { method, url: target, clientAddress });
    record.hostName = outer.record.hostName;
    record.folderKey = outer.record.folderKey;
    const visit: Visit = {
      exchange,
      record,
      hostName: outer.hostName,
      site: outer.site,
      // What the owner puts on a file is on it, whatever it passes on its way to the visitor.
      shownPath: outer.shownPath,
      failure: undefined,
      passage: this.#passage.behind(this.#step, target, isBeside),
    };
    const close = (): void => {
      if (exchange.replyState === 'started') exchange.abort();
      outer.record.cpuUs = (outer.record.cpuUs ?? 0) + (record.cpuUs ?? 0);
    };
    let answering: Promise<void> | undefined;
    try {
      answering = this.#answer(visit);
    } catch (error) {
      answering = this.#fail(visit, toErrorRecord(error));
    }
    if (answering === undefined) {
      close();
      return undefined;
    }
    return answering.catch((error: unknown) => this.#fail(visit, toErrorRecord(error))).then(close);
  }

  /** Undefined where it is answered. @throws at once, or later */
  #answer(visit: Visit): Promise<void> | undefined {
    const { exchange } = visit;
    const answering = this.#options.answer(visit);
    if (answering !== undefined) return answering.then(() => this.#finish(visit));
    const isAnswered = exchange.replyState === 'ended' && visit.failure === undefined;
    return isAnswered && exchange.whenPassed() === undefined ? undefined : this.#finish(visit);
  }

  async #finish(visit: Visit): Promise<void> {
    const { exchange } = visit;
    for (let count = 0; exchange.takeRedirect() !== undefined; count += 1) {
      if (count === insideRedirectsMax) {
        throw new TerrafirmaError('loop', 'Cannot answer: redirected inside the site too often');
      }
      await this.#options.answer(visit);
    }
    if (visit.failure !== undefined) await this.#fail(visit, visit.failure);
    const passing = exchange.whenPassed();
    if (passing !== undefined) await passing;
  }

  /** The link may make something else of it, so that the log has it in any case. */
  async #fail(visit: Visit, error: ErrorRecord): Promise<void> {
    await this.#options.failures.tell(visit, error);
    const { record } = this.#visit;
    if (errorRow(error.code).status < serverErrorMin) return;
    record.errorCode ??= error.code;
    record.errorDetail ??= error.detail;
  }
}

/**
 * Path and query as the link has them: read as browsers do, dot segments would lead to a path that
 * the link has not looked at.
 */
function targetOf(url: string): string {
  const target = url.replace(/^[a-z]+:\/\/[^/?#]*/, '');
  return target.startsWith('/') ? target : `/${target}`;
}
