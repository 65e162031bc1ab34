/** One request and its answer, over whichever wire it came. */
import type { Exchange, NextInChain } from '../abi/abi.ts';
import type { Share } from '../account/share.ts';
import { noBytes, type ReadBody } from '../http/body.ts';
import type { ConnectionFacts } from '../http/connection-facts.ts';
import { isLeftToDaemon } from '../http/connection-headers.ts';
import type { Header, ReplyHead, RequestHead } from '../http/message.ts';
import { readTrailers } from '../http/request-head.ts';
import { answerHasBody, statusHasBody, switchingProtocols } from '../http/status.ts';
import { queryOf } from '../http/target.ts';
import type { HostName } from '../names.ts';
import { type ExchangeBytes, holdBody, openBytes, uncountedBytesMax } from './exchange-bytes.ts';
import type { ExchangeOptions, RoutableHead } from './exchange-options.ts';
import { InterimReplies } from './interim.ts';
import { LateAnswer, type LateOpening, type TunnelTaker } from './late-answer.ts';
import { pipe } from './piping.ts';
import { ReplyHeaders } from './reply-headers.ts';
import { type PieceTaker, ReplyStream } from './reply-stream.ts';
import { RequestBody } from './request-body.ts';
import { redirectedHead } from './road/inside-redirect.ts';
import type { ReplyCoder } from './road/rules/coded-replies.ts';
import type { PassedBytes } from './websocket/tunnels.ts';
import type { UpgradeRequest } from './websocket/upgrade.ts';
import type { Wire, WireListener } from './wire.ts';

export class HttpExchange implements Exchange, WireListener {
  next: NextInChain | undefined;
  #hasBody: boolean;
  #redirectTarget: string | undefined;
  #request: RoutableHead;
  readonly givesBodyAway: boolean;
  readonly #wire: Wire;
  readonly #options: ExchangeOptions;
  #replyState: Exchange['replyState'] = 'none';
  #status = 0;
  #onGone: (() => void) | undefined;
  #isGone = false;
  readonly #body: RequestBody | undefined;
  #bytesSent = 0;
  /** Of messages, once the connection is a WebSocket. */
  #messageBytesReceived = 0;
  readonly #replyHeaders = new ReplyHeaders();
  #share: Share | undefined;
  #bytes: ExchangeBytes | undefined;
  #interim: InterimReplies | undefined;
  /** The body that is being passed on to the client. */
  #piped: ReadBody | undefined;
  #passing: Promise<void> | undefined;
  #late: LateAnswer | undefined;
  #tunnel: TunnelTaker | undefined;
  /** Of an answer that goes out in pieces. */
  #stream: ReplyStream | undefined;
  #isBroken = false;
  #coder: ReplyCoder | undefined;

  /** Owns `request` from here on. */
  constructor(request: RoutableHead, wire: Wire, options: ExchangeOptions) {
    this.#request = request;
    this.#wire = wire;
    this.givesBodyAway = wire.givesBodyAway;
    this.#options = options;
    this.#hasBody = wire.hasBody;
    if (wire.hasBody) {
      const tryHold = (bytes: number): boolean => this.#openBytes()?.tryAddBody(bytes) ?? true;
      const { bodyIdleTimeoutMs: idleTimeoutMs, intake } = options;
      this.#body = new RequestBody({ wire, idleTimeoutMs, tryHold, intake });
    }
    wire.listener = this;
  }

  get request(): RequestHead {
    return this.#request;
  }

  get connection(): ConnectionFacts {
    return this.#wire.factsFor(this.#request.clientAddress);
  }

  /** Of the request's authority; undefined where that is none. */
  get hostName(): HostName | undefined {
    return this.#request.hostName;
  }

  get hasBody(): boolean {
    return this.#hasBody;
  }

  get bodyTrailers(): readonly Header[] {
    return readTrailers(this.#wire.rawTrailers);
  }

  /** The site has been found: what the exchange holds is on its owner's account. */
  chargeTo(share: Share): void {
    this.#share = share;
  }

  get isBodyReceived(): boolean {
    return !this.#hasBody || this.#wire.isReceived;
  }

  /** The path has been routed: from here on the head says which part of it names the module. */
  enterModule(scriptName: string, pathInfo: string): void {
    this.#request.scriptName = scriptName;
    this.#request.pathInfo = pathInfo;
  }

  /** See `ReplyHeaders.add`. */
  addReplyHeader(name: string, value: string): void {
    this.#replyHeaders.add(name, value);
  }

  /** See `ReplyHeaders.replace`. */
  replaceReplyHeaders(headers: readonly Header[], where?: 'absent'): void {
    this.#replyHeaders.replace(headers, where);
  }

  /** The request stands for one of `target`, a path and query of the same site. */
  rewrite(target: string): void {
    this.#request = { ...this.#request, target, query: queryOf(target) };
    this.#replyHeaders.clear();
  }

  redirectInside(target: string): void {
    this.#expectState('none', 'redirect');
    this.#redirectTarget = target;
  }

  /** The target that a guest has redirected to, once: now a GET of it, whatever the body. */
  takeRedirect(): string | undefined {
    const target = this.#redirectTarget;
    this.#redirectTarget = undefined;
    if (target === undefined) return undefined;
    this.#request = redirectedHead(this.#request, target);
    this.#replyHeaders.clear();
    this.#hasBody = false;
    return target;
  }

  get replyState(): Exchange['replyState'] {
    return this.#replyState;
  }

  get upgrade(): UpgradeRequest | undefined {
    return this.#options.upgrade;
  }

  get upgradeWanted(): 'websocket' | undefined {
    return this.upgrade === undefined ? undefined : 'websocket';
  }

  /** Who joins the client with the server that a module hands it to. */
  tunnelBy(tunnel: TunnelTaker): void {
    this.#tunnel = tunnel;
  }

  /** The connection has become a WebSocket: nothing is answered on it any more. */
  leaveHttp(): void {
    this.#expectState('none', 'upgrade');
    this.#replyState = 'ended';
  }

  /** What went through the WebSocket. */
  countMessages(counts: PassedBytes): void {
    this.#status = switchingProtocols;
    this.#bytesSent = counts.bytesSent;
    this.#messageBytesReceived = counts.bytesReceived;
  }

  /** Status sent, 0 before any. */
  get status(): number {
    return this.#status;
  }

  get bytesSent(): number {
    return this.#bytesSent + (this.#stream?.bytesSent ?? 0);
  }

  get bytesReceived(): number {
    return this.#body?.bytesReceived ?? this.#messageBytesReceived;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  onGone(listener: (() => void) | undefined): void {
    this.#onGone = listener;
    if (listener !== undefined && this.#isGone) listener();
  }

  async readBody(bodyBytesMax: number): Promise<Uint8Array> {
    return (this.#hasBody ? await this.#body?.readWhole(bodyBytesMax) : undefined) ?? noBytes;
  }

  async readChunk(): Promise<Uint8Array | undefined> {
    return this.#hasBody ? await this.#body?.read() : undefined;
  }

  /** See `RequestBody.keep`. */
  keepBody(bytesMax?: number): void {
    this.#body?.keep(bytesMax);
  }

  /** The run is over: what is still to come of the body nobody will read. */
  releaseBody(): void {
    this.#body?.release();
  }

  /** Resolves when a body that is passed on without the run has gone, well or not. */
  whenPassed(): Promise<void> | undefined {
    if (this.#late === undefined) return this.#passing;
    return this.#late.whenPassed(() => {
      this.#replyState = 'none';
    });
  }

  inform(head: ReplyHead): boolean {
    this.#expectState('none', 'inform before');
    this.#interim ??= new InterimReplies();
    if (this.#isGone || !this.#interim.tryAdd(head)) return false;
    const headers = head.headers.filter(([name]) => !isLeftToDaemon(name.toLowerCase()));
    return this.#wire.sendInterim(head.status, headers.flat());
  }

  /** What is sent whole from here on goes through `coder`; undefined: as it is. */
  codeReplies(coder: ReplyCoder | undefined): void {
    this.#coder = coder;
  }

  send(head: ReplyHead, body: Uint8Array): void {
    this.#expectState('none', 'send');
    const coded = this.#coder?.({ head, body });
    this.#sendWhole(coded?.head ?? head, coded?.body ?? body);
  }

  #sendWhole(head: ReplyHead, body: Uint8Array): void {
    const withBody = answerHasBody(head.status, this.request.method);
    if (withBody && body.length > uncountedBytesMax) this.#openBytes()?.addReply(body.length);
    if (!this.#isGone) {
      const headers = this.#compose(head);
      if (statusHasBody(head.status)) headers.push('content-length', String(body.length));
      // It throws for what is no valid head: there is no answer then, and another may follow.
      this.#wire.sendWhole(head.status, headers, withBody ? body : undefined);
      this.#status = head.status;
      if (withBody) this.#bytesSent += body.length;
      this.#body?.answered();
    }
    this.#replyState = 'ended';
  }

  sendPiped(head: ReplyHead, body: ReadBody): void {
    this.#expectState('none', 'send');
    holdBody(body, () => this.#openBytes());
    this.start(head, body.knownBytes, body.trailers !== undefined);
    this.#replyState = 'ended';
    this.#passing = this.#pass(body).then(
      () => this.#complete(body.trailers),
      () => this.#breakOff(),
    );
    this.#stream?.flushHeadSoon();
  }

  sendLater(open: LateOpening): void {
    this.#expectState('none', 'send');
    this.#replyState = 'ended';
    const tunnel = this.#tunnel;
    this.#late = new LateAnswer(open, {
      give: (head, body) => {
        this.#replyState = 'none';
        this.sendPiped(head, body);
        return this.#passing;
      },
      tunnel: tunnel && (async (...with101) => this.countMessages(await tunnel(...with101))),
    });
    if (this.#isGone) this.#late.giveUp();
  }

  lendRoom(bytes: number): Uint8Array | undefined {
    return this.#wire.lendRoom?.(bytes);
  }

  start(head: ReplyHead, bodyBytes?: number, hasTrailers = false): void {
    this.#expectState('none', 'start');
    if (!this.#isGone) this.#sendHead(head, bodyBytes, hasTrailers);
    this.#replyState = 'started';
  }

  #sendHead(head: ReplyHead, bodyBytes: number | undefined, hasTrailers: boolean): void {
    const headers = this.#compose(head);
    if (bodyBytes !== undefined && statusHasBody(head.status)) {
      headers.push('content-length', String(bodyBytes));
    }
    const withBody = answerHasBody(head.status, this.request.method);
    this.#wire.sendHead(head.status, headers, withBody && hasTrailers);
    this.#status = head.status;
    this.#stream = new ReplyStream({
      wire: this.#wire,
      openBytes: () => this.#openBytes(),
      idleTimeoutMs: this.#options.replyIdleTimeoutMs,
      bodyBytes: withBody ? bodyBytes : undefined,
    });
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#expectState('started', 'write');
    return this.#write(chunk);
  }

  get taker(): PieceTaker | undefined {
    return this.#stream;
  }

  async pipe(body: ReadBody): Promise<void> {
    this.#expectState('started', 'pipe');
    await this.#pass(body);
  }

  async #pass(body: ReadBody): Promise<void> {
    if (this.#piped !== undefined) throw new TypeError('Cannot pipe: a body is on its way');
    this.#piped = body;
    const takesBody = answerHasBody(this.#status, this.request.method);
    await pipe(body, {
      write: (piece) => this.#write(piece),
      isOver: () => !takesBody || this.#isGone || this.#piped !== body,
      pieceMs: this.#options.bodyIdleTimeoutMs,
    }).finally(() => {
      this.#piped = undefined;
    });
  }

  #write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#isGone || this.#isBroken || chunk.length === 0) return undefined;
    if (!answerHasBody(this.#status, this.request.method)) return undefined;
    const written = this.#stream?.write(chunk);
    if (written === false) this.#breakOff();
    return typeof written === 'object' ? written : undefined;
  }

  end(): void {
    this.#expectState('started', 'end');
    this.#replyState = 'ended';
    this.#complete();
  }

  abort(): void {
    if (this.#replyState === 'ended') return;
    this.#replyState = 'ended';
    this.#breakOff();
  }

  #complete(trailers: readonly Header[] = []): void {
    if (this.#isGone || this.#isBroken) return;
    if (this.#stream?.isShort === true) this.#breakOff();
    else {
      const fields = trailers.filter(([name]) => !isLeftToDaemon(name.toLowerCase()));
      this.#wire.end(fields);
      this.#body?.answered();
    }
  }

  #breakOff(): void {
    this.#isBroken = true;
    this.#stream?.stop();
    this.#piped?.cancel();
    this.#piped = undefined;
    this.#wire.destroy();
  }

  #openBytes(): ExchangeBytes | undefined {
    const { clientBytes } = this.#options;
    this.#bytes ??= openBytes(clientBytes, this.#share, this.#request.clientAddress);
    return this.#bytes;
  }

  #compose(head: ReplyHead): string[] {
    return this.#replyHeaders.compose(head, this.#request.id, this.#options.fixedHeaders);
  }

  wireDrained(): void {
    this.#stream?.drained();
  }

  wireClosed(): void {
    this.#bytes?.close();
    this.#wire.closed();
    this.#stream?.stop();
    if (this.#wire.isFinished) return;
    this.#isGone = true;
    this.#piped?.cancel();
    this.#late?.giveUp();
    // Who has answered has nobody left to wait for: such a run goes on.
    if (this.#replyState !== 'ended') this.#onGone?.();
  }

  #expectState(state: Exchange['replyState'], action: string): void {
    if (this.#replyState === state) return;
    const rule = `its state must be ${state}`;
    throw new TypeError(`Cannot ${action} the answer: ${rule}: received ${this.#replyState}`);
  }
}
