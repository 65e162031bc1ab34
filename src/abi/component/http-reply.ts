/**
 * The answer of one run. A small one leaves whole, in one write; a larger one in pieces as soon as
 * there is much of it, or the guest waits.
 */
import { TerrafirmaError } from '../../errors.ts';
import type { ReadBody } from '../../http/body.ts';
import { noBytes } from '../../http/body.ts';
import type { Header, ReplyHead } from '../../http/message.ts';
import type { Exchange } from '../abi.ts';
import type { BodyOwner, OutgoingBody } from './http-bodies.ts';
import type { Fields } from './http-fields.ts';

const statusMin = 200;

export interface ReplyListener {
  /** Nothing of the answer is still to come from the guest. */
  onWhole(): void;
}

export class HttpReply implements BodyOwner {
  readonly #exchange: Exchange;
  #head: ReplyHead | undefined;
  #body: OutgoingBody | undefined;
  /** What the fields announced. */
  #bodyBytes: number | undefined;
  #failure: TerrafirmaError | undefined;
  listener: ReplyListener | undefined;
  #isPassedOn = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get isSet(): boolean {
    return this.#head !== undefined || this.#failure !== undefined;
  }

  /** An interim answer; nothing where the client cannot take it, or the answer has left. */
  inform(head: ReplyHead): void {
    if (this.#exchange.replyState === 'none') this.#exchange.inform(head);
  }

  /** The answer is this one from now on. */
  set(head: ReplyHead, body: OutgoingBody | undefined, bodyBytes: number | undefined): void {
    if (head.status < statusMin) {
      const rule = `its status is ${statusMin} or more`;
      this.#failure = badReply(rule, `${head.status}`);
      return;
    }
    this.#head = head;
    this.#body = body;
    this.#bodyBytes = bodyBytes;
    if (body !== undefined) body.owner = this;
    if (body === undefined || body.isFinished) this.#sendWhole();
  }

  /** An error in place of an answer. */
  refuse(status: number): void {
    this.#head = { status, headers: [] };
    this.listener?.onWhole();
    this.#sendWhole();
  }

  /** Somebody else answers. */
  passOn(): void {
    this.#isPassedOn = true;
  }

  /** What there is of it leaves, and the rest as it comes. */
  flush(): void {
    const head = this.#head;
    const body = this.#body;
    if (head === undefined || body === undefined || this.#exchange.replyState !== 'none') return;
    if (body.body.isStreaming) return;
    const contents = body.startStreaming();
    this.#exchange.sendPiped(head, new SizedBody(contents, this.#bodyBytes));
  }

  finished(): void {
    this.listener?.onWhole();
    if (this.#exchange.replyState === 'none') this.#sendWhole();
  }

  /** @throws TerrafirmaError where no answer was set, or none that can be sent */
  end(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isPassedOn || this.#exchange.replyState !== 'none') return;
    if (this.#head === undefined) {
      throw badReply('a handler sets its answer before it returns', 'none');
    }
    // Its body was dropped without an end: the visitor sees that it is not whole.
    this.#exchange.start(this.#head);
    this.#exchange.abort();
  }

  #sendWhole(): void {
    const head = this.#head;
    if (head === undefined || this.#exchange.replyState !== 'none') return;
    if (this.#exchange.request.method === 'HEAD' && this.#bodyBytes !== undefined) {
      this.#exchange.start(head, this.#bodyBytes);
      this.#exchange.end();
      this.#body?.body.close();
      return;
    }
    const whole = this.#body === undefined ? noBytes : this.#body.body.takeWhole();
    if (whole === undefined) this.flush();
    else if ((this.#bodyBytes ?? whole.length) === whole.length) this.#exchange.send(head, whole);
    else this.#breakOff(head);
  }

  /** It is not as long as it was said to be: the visitor sees that it is not whole. */
  #breakOff(head: ReplyHead): void {
    this.#exchange.start(head, this.#bodyBytes);
    this.#exchange.abort();
  }
}

/** A body of a length that was announced. */
class SizedBody implements ReadBody {
  readonly knownBytes: number | undefined;
  readonly #body: ReadBody;

  constructor(body: ReadBody, bytes: number | undefined) {
    this.#body = body;
    this.knownBytes = bytes;
  }

  get trailers(): readonly Header[] | undefined {
    return this.#body.trailers;
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#body.read();
  }

  cancel(): void {
    this.#body.cancel();
  }
}

function badReply(rule: string, received: string): TerrafirmaError {
  return new TerrafirmaError('bad-reply', `Cannot answer: ${rule}: received ${received}`);
}

/** What goes into the head: the length of the body is the daemon's to say. */
export function headersToSend({ map }: Fields): readonly Header[] {
  return map.linesBut('content-length');
}
