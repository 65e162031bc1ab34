/**
 * One run of a handler: the request as it goes on to the next handler, the response as it goes back
 * to the visitor, and what it may do to them now.
 */
import type { Capabilities } from '../../capability/capability.ts';
import type { OutboundRequest, StreamedReply } from '../../capability/fetch/contract.ts';
import { CapabilityRefusal } from '../../capability/refusal.ts';
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import { isLeftToDaemon } from '../../http/connection-headers.ts';
import type { Header } from '../../http/message.ts';
import type { Exchange, NextInChain, Run } from '../abi.ts';
import { Body, type BodyOptions } from '../objects/body.ts';
import type { SourceBody } from '../objects/contents.ts';
import { ExchangeBody } from '../objects/exchange-body.ts';
import { guestPathOf, withPrefix } from '../objects/guest-path.ts';
import { HeaderMap } from '../objects/headers.ts';
import { HeldForRun } from '../objects/held-for-run.ts';
import { PendingSet } from '../objects/pending.ts';
import { MessageBody } from './message-body.ts';

/** What a handler may ask for; it is told which of them it has. */
export const features = { bufferRequest: 1, bufferResponse: 2, trailers: 4 } as const;
const knownFeatures = features.bufferRequest | features.bufferResponse | features.trailers;

const nothingBehind =
  'Cannot answer: a handler that passes the request on must have something behind it: received ' +
  'a request for the module itself; name it in [[middleware]]';

export interface Message {
  readonly headers: HeaderMap;
  readonly body: MessageBody;
}

export class HandlerRun {
  readonly capabilities: Capabilities;
  readonly exchange: Exchange;
  readonly request: Message & { method: string; target: string };
  response: Message & { status: number };
  /** Whether the handler has changed anything: then the exchange cannot go on as it is. */
  isChanged = false;
  /** Whether it has said a status or a body: it may answer where nobody behind it could. */
  hasAnswered = false;
  /** What the visitor is told where the guest trapped by it. */
  failure: TerrafirmaError | undefined;
  readonly #held: HeldForRun;
  readonly #bodyOptions: BodyOptions;
  readonly #pending = new PendingSet();
  #features = 0;
  #isAfterNext = false;
  #isPassedOn = false;

  constructor({ exchange, capabilities, hostMemory }: Run, limits: Limits) {
    this.exchange = exchange;
    this.capabilities = capabilities;
    this.#held = new HeldForRun(hostMemory, limits.memoryBytesMax);
    const headerLimits = {
      linesMax: limits.replyHeadersMax,
      bytesMax: limits.replyHeaderBytesMax,
    };
    this.#bodyOptions = { held: this.#held, headerLimits };
    const path = guestPathOf(exchange.request, capabilities.settings.modulePath);
    const source = exchange.hasBody ? new ExchangeBody(exchange) : undefined;
    this.request = {
      method: exchange.request.method,
      target: path.target,
      headers: HeaderMap.of(withPrefix(exchange.request.headers, path), headerLimits),
      body: this.#messageBody(
        source === undefined ? new Body(this.#bodyOptions) : this.#of(source),
      ),
    };
    this.response = {
      status: 200,
      headers: new HeaderMap(headerLimits),
      body: this.#messageBody(new Body(this.#bodyOptions)),
    };
  }

  get isAfterNext(): boolean {
    return this.#isAfterNext;
  }

  has(feature: number): boolean {
    return (this.#features & feature) !== 0;
  }

  /** Of those asked for, the ones that there are; answers all that the handler has now. */
  enable(wanted: number): number {
    this.#features |= wanted & knownFeatures;
    this.request.body.isKept = this.has(features.bufferRequest);
    this.response.body.isKept = this.has(features.bufferResponse);
    return this.#features;
  }

  /**
   * The next handler's turn: the exchange itself goes on where the client wants another protocol,
   * which only so can be had, and the handler has changed nothing.
   *
   * @returns What is to be waited for; undefined where the handler has no more to do.
   * @throws TerrafirmaError where nothing is behind it
   */
  goOn(): Promise<void> | undefined {
    const { next, upgradeWanted } = this.exchange;
    if (next === undefined) throw new TerrafirmaError('bad-reply', nothingBehind);
    if (upgradeWanted === undefined || this.isChanged) return this.#send(next);
    this.#isPassedOn = true;
    next.passOn();
    return undefined;
  }

  /** Answers the exchange. @throws TerrafirmaError where there is no answer */
  answer(): void {
    if (this.failure !== undefined && !this.hasAnswered) throw this.failure;
    if (this.#isPassedOn) return;
    const { status, headers, body } = this.response;
    const head = { status, headers: linesToSend(headers) };
    const whole = body.handOver();
    const bytes = whole.takeWhole();
    if (bytes !== undefined) this.exchange.send(head, bytes);
    else this.exchange.sendPiped(head, whole.handOver());
  }

  /** Never throws. */
  release(): void {
    this.#pending.giveUpAll();
    this.request.body.release();
    this.response.body.release();
    this.#held.close();
  }

  async #send(next: NextInChain): Promise<void> {
    const { method, target, headers } = this.request;
    const body = this.request.body.handOver();
    const outbound: OutboundRequest = {
      ...{ method, headers: linesToSend(headers), redirects: 'give' },
      url: `${this.exchange.request.scheme}://${this.exchange.request.authority}${target}`,
      body: body.takeWhole() ?? body.handOver(),
    };
    const pending = this.#pending.start((giving) => next.open(outbound, giving));
    await pending.whenReady();
    this.#isAfterNext = true;
    this.hasAnswered = false;
    if (pending.outcome?.kind === 'done') this.#receive(pending.outcome.value);
    else this.failure = failureOf(pending.outcome?.error);
  }

  /**
   * What the handler has said of the response before holds beside what the next one says, as in a
   * server where both write to the same: headers that it has not, and a body in front of its own.
   */
  #receive(reply: StreamedReply): void {
    const { headers: before, body: written } = this.response;
    const { headerLimits } = this.#bodyOptions;
    const headers = HeaderMap.of(reply.headers, headerLimits);
    for (const name of before.names()) {
      if (!headers.has(name)) headers.set(name, before.values(name));
    }
    const whole = written.handOver();
    whole.append(this.#of(reply.body));
    this.response = { status: reply.status, headers, body: this.#messageBody(whole) };
    this.enable(0);
  }

  #of(source: SourceBody): Body {
    return Body.of(source, this.#bodyOptions);
  }

  #messageBody(rest: Body): MessageBody {
    return new MessageBody(rest, this.#bodyOptions);
  }
}

/** In lower case, without what is the daemon's to say. */
function linesToSend(headers: HeaderMap): readonly Header[] {
  return headers
    .lines()
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !isLeftToDaemon(name));
}

function failureOf(error: unknown): TerrafirmaError {
  if (error instanceof TerrafirmaError) return error;
  const detail = error instanceof Error ? error.message : 'Cannot answer: nobody behind answered';
  const isLoop = error instanceof CapabilityRefusal && error.kind === 'limit';
  return new TerrafirmaError(isLoop ? 'loop' : 'no-answer', detail);
}
