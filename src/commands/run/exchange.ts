/** One request that nobody sent over a network: its body is here, its answer goes to a function. */

import type { Exchange } from '../../abi/abi.ts';
import { inBytes } from '../../amounts.ts';
import { TerrafirmaError } from '../../errors.ts';
import { noBytes, type ReadBody } from '../../http/body.ts';
import { type ConnectionFacts, noConnection } from '../../http/connection-facts.ts';
import { isConnection, type LateReply } from '../../http/late-reply.ts';
import type { ReplyHead, RequestHead } from '../../http/message.ts';
import type { ReplyMessage } from './messages.ts';

export class RunExchange implements Exchange {
  readonly request: RequestHead;
  readonly connection: ConnectionFacts;
  readonly hasBody: boolean;
  readonly isBodyReceived = true;
  readonly isGone = false;
  readonly #tell: (message: ReplyMessage) => void;
  #unread: Uint8Array | undefined;
  #replyState: 'none' | 'started' | 'ended' = 'none';
  #passing: Promise<void> | undefined;

  constructor(
    request: RequestHead,
    options: { readonly body: Uint8Array; readonly tell: (message: ReplyMessage) => void },
  ) {
    this.request = request;
    this.connection = { ...noConnection, headerNames: request.headers.map(([name]) => name) };
    this.hasBody = options.body.length > 0;
    this.#unread = this.hasBody ? options.body : undefined;
    this.#tell = options.tell;
  }

  get replyState(): 'none' | 'started' | 'ended' {
    return this.#replyState;
  }

  async readBody(bodyBytesMax: number): Promise<Uint8Array> {
    const body = this.#unread ?? noBytes;
    this.#unread = undefined;
    if (body.length <= bodyBytesMax) return body;
    const rule = `its body must have at most ${inBytes(bodyBytesMax)}`;
    const detail = `Cannot accept the request: ${rule}: received ${body.length}`;
    throw new TerrafirmaError('request-too-large', detail);
  }

  async readChunk(): Promise<Uint8Array | undefined> {
    const chunk = this.#unread;
    this.#unread = undefined;
    return chunk;
  }

  send(head: ReplyHead, body: Uint8Array): void {
    this.start(head);
    if (body.length > 0) this.#tell({ kind: 'chunk', chunk: body });
    this.#replyState = 'ended';
  }

  start(head: ReplyHead): void {
    this.#require('none');
    this.#replyState = 'started';
    this.#tell({ kind: 'head', head });
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#require('started');
    this.#tell({ kind: 'chunk', chunk });
  }

  /** Nobody waits on a slow line: `run` shows the answer alone. */
  inform(): boolean {
    this.#require('none');
    return false;
  }

  sendPiped(head: ReplyHead, body: ReadBody): void {
    this.start(head);
    this.#passing = this.pipe(body);
    // Whoever waits for it is told; nobody may until the run has ended.
    this.#passing.catch(() => undefined);
    this.#replyState = 'ended';
  }

  sendLater(open: (signal: AbortSignal) => Promise<LateReply>): void {
    this.#require('none');
    this.#replyState = 'ended';
    this.#passing = this.#passLate(open(new AbortController().signal));
    this.#passing.catch(() => undefined);
  }

  /** Resolves when a body that comes without the run has come; rejects when it broke off. */
  whenPassed(): Promise<void> | undefined {
    return this.#passing;
  }

  async pipe(body: ReadBody): Promise<void> {
    this.#require('started');
    for (;;) {
      const piece = await body.read();
      if (piece === undefined) return;
      this.#tell({ kind: 'chunk', chunk: piece });
    }
  }

  async #passLate(coming: Promise<LateReply>): Promise<void> {
    const { head, body } = await coming;
    // Nobody here asks for another protocol.
    if (isConnection(body)) body.destroy();
    else {
      this.#replyState = 'none';
      this.sendPiped(head, body);
      await this.#passing;
    }
  }

  end(): void {
    this.#require('started');
    this.#replyState = 'ended';
  }

  abort(): void {
    this.#replyState = 'ended';
  }

  /** There is no site around the one module: the answer says where it would go. */
  redirectInside(target: string): void {
    this.send({ status: 302, headers: [['location', target]] }, noBytes);
  }

  /** Nobody goes away: whoever ends the program ends the run with it. */
  onGone(): void {
    return;
  }

  #require(state: 'none' | 'started'): void {
    if (this.#replyState === state) return;
    throw new TypeError(`Cannot answer: it must be ${state}: received ${this.#replyState}`);
  }
}
