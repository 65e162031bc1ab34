/** The exchange of an attempt: what can be looked at, and an answer that is held. */
import type { Exchange, GivingUp, NextInChain } from '../../abi/abi.ts';
import type { OutboundRequest, StreamedReply } from '../../capability/fetch/contract.ts';
import type { ReadBody } from '../../http/body.ts';
import type { ConnectionFacts } from '../../http/connection-facts.ts';
import type { LateReply } from '../../http/late-reply.ts';
import type { Header, ReplyHead, RequestHead } from '../../http/message.ts';
import type { Attempting } from './attempting.ts';

export class AttemptExchange implements Exchange {
  readonly request: RequestHead;
  readonly hasBody: boolean;
  readonly #exchange: Exchange;
  readonly #attempt: Attempting;

  constructor(exchange: Exchange, attempt: Attempting) {
    this.request = exchange.request;
    this.hasBody = exchange.hasBody;
    this.#exchange = exchange;
    this.#attempt = attempt;
  }

  get connection(): ConnectionFacts {
    return this.#exchange.connection;
  }

  get givesBodyAway(): boolean {
    return this.#exchange.givesBodyAway === true;
  }

  get bodyTrailers(): readonly Header[] {
    return this.#exchange.bodyTrailers ?? [];
  }

  get isBodyReceived(): boolean {
    return this.#exchange.isBodyReceived;
  }

  get upgradeWanted(): 'websocket' | undefined {
    return this.#exchange.upgradeWanted;
  }

  get isGone(): boolean {
    return this.#exchange.isGone;
  }

  get taker(): Exchange['taker'] {
    return this.#exchange.taker;
  }

  get replyState(): Exchange['replyState'] {
    return this.#attempt.isAnswered ? 'ended' : this.#exchange.replyState;
  }

  /** The request may go on when the run has ended; to ask what stands behind may take a while. */
  get next(): NextInChain | undefined {
    const { next } = this.#exchange;
    return next && new AttemptNext(next, this.#attempt);
  }

  lendRoom(bytes: number): Uint8Array | undefined {
    return this.#exchange.lendRoom?.(bytes);
  }

  readBody(bodyBytesMax: number): Promise<Uint8Array> {
    return this.#kept.readBody(bodyBytesMax);
  }

  readChunk(): Promise<Uint8Array | undefined> {
    return this.#kept.readChunk();
  }

  inform(head: ReplyHead): boolean {
    return this.#kept.inform(head);
  }

  send(head: ReplyHead, body: Uint8Array): void {
    if (!this.#mayHold) this.#kept.send(head, body);
    else {
      const send = (): void => this.#exchange.send(head, body);
      this.#attempt.holdReply({ send, cancel: () => undefined });
    }
  }

  sendPiped(head: ReplyHead, body: ReadBody): void {
    if (!this.#mayHold) this.#kept.sendPiped(head, body);
    else {
      const send = (): void => this.#exchange.sendPiped(head, body);
      this.#attempt.holdReply({ send, cancel: () => body.cancel() });
    }
  }

  sendLater(open: (signal: AbortSignal) => Promise<LateReply>): void {
    this.#kept.sendLater(open);
  }

  start(head: ReplyHead, bodyBytes?: number): void {
    this.#kept.start(head, bodyBytes);
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    return this.#kept.write(chunk);
  }

  pipe(body: ReadBody): Promise<void> {
    return this.#kept.pipe(body);
  }

  end(): void {
    this.#kept.end();
  }

  abort(): void {
    this.#kept.abort();
  }

  redirectInside(target: string): void {
    this.#kept.redirectInside(target);
  }

  onGone(listener: (() => void) | undefined): void {
    this.#kept.onGone(listener);
  }

  /** Whether an answer is due, and nothing may leave yet. */
  get #mayHold(): boolean {
    return this.#attempt.isOpen && this.replyState === 'none';
  }

  /** @throws the trap before the attempt is kept */
  get #kept(): Exchange {
    this.#attempt.requireKept();
    return this.#exchange;
  }
}

class AttemptNext implements NextInChain {
  readonly #next: NextInChain;
  readonly #attempt: Attempting;

  constructor(next: NextInChain, attempt: Attempting) {
    this.#next = next;
    this.#attempt = attempt;
  }

  open(request: OutboundRequest, asker: GivingUp): StreamedReply | Promise<StreamedReply> {
    this.#attempt.requireKept();
    return this.#next.open(request, asker);
  }

  passOn(): void {
    if (this.#attempt.isOpen) this.#attempt.hold(() => this.#next.passOn());
    else {
      this.#attempt.requireKept();
      this.#next.passOn();
    }
  }
}
