/** One request and its answer over node:http. Touches the connection's socket, through node. */
import { TLSSocket } from 'node:tls';
import type { ConnectionFacts } from '../../http/connection-facts.ts';
import type { Header } from '../../http/message.ts';
import type { LimitClock, Watched } from '../../limit-clock.ts';
import { SocketFacts } from '../connection-facts.ts';
import { pieceBytes, quickPieceBytes } from '../piece-size.ts';
import type { Departure, ReplyBatch } from '../reply-batch.ts';
import { pumpReply, wholeBytesMax } from '../reply-pump.ts';
import { LentRoom, type ReplyRooms } from '../reply-rooms.ts';
import { joinedPieceBytesMax, latin1, oneWriteBytesMax } from '../reply-text.ts';
import type { KeptHellos } from '../tls/kept-hellos.ts';
import type { Wire, WireListener } from '../wire.ts';
import type { Lingering } from './lingering.ts';
import type { Http1Request } from './request.ts';
import type { Http1Response } from './response.ts';
import type { UsualHeads } from './usual-heads.ts';

export interface Http1WireOptions {
  /** How long an answer, or a piece of it, may lie untaken. */
  readonly taking: LimitClock;
  readonly nowMs: () => number;
  readonly batch: ReplyBatch;
  readonly rooms: ReplyRooms;
  readonly heads: UsualHeads;
  readonly lingering: Lingering;
  /** Answers under way whose end is told by the end of the connection alone. */
  readonly unmarked: Set<Http1Wire>;
  readonly hellos: KeptHellos;
}

/**
 * Up to this size a body that nobody wants is taken all the same, so that the connection can be
 * used on. Larger ones, and those that do not say how large, cost more than a new connection.
 */
const unreadBytesTakenMax = 64 * 1024;
/** The request was not read to its end, by its own fault: what follows is not to be waited for. */
const unfinished = new Set([408, 413]);

export class Http1Wire implements Wire, Departure, Watched {
  listener: WireListener | undefined;
  readonly body: Http1Request;
  readonly givesBodyAway = true;
  readonly hasBody: boolean;
  /** For the clock. */
  deadlineMs = 0;
  earlier: Watched | undefined;
  later: Watched | undefined;
  readonly #options: Http1WireOptions;
  readonly #response: Http1Response;
  #isLimited = false;
  #whole: Uint8Array | undefined;
  /** Of an answer that leaves without node's help. */
  #head: string | undefined;
  #lent: LentRoom | undefined;
  #isContinued = false;
  #saysClose = false;
  #isUnmarked = false;
  /** The answer has left, and the connection ends as soon as nobody reads the body any more. */
  #closesLater = false;

  constructor(incoming: Http1Request, response: Http1Response, options: Http1WireOptions) {
    this.#options = options;
    this.body = incoming;
    this.#response = response;
    const length = incoming.headers['content-length'];
    const encoding = incoming.headers['transfer-encoding'];
    this.hasBody = encoding !== undefined || (length !== undefined && length !== '0');
    // It comes once by itself; asking for it once costs a wrapper for every request.
    response.on('close', () => this.listener?.wireClosed());
  }

  get rawTrailers(): readonly string[] {
    return this.body.rawTrailers;
  }

  get declaredBytes(): number {
    return Number(this.body.headers['content-length'] ?? 0);
  }

  get isReceived(): boolean {
    return this.body.complete;
  }

  factsFor(clientAddress: string): ConnectionFacts {
    const { rawHeaders, socket } = this.body;
    return new SocketFacts({ socket, rawHeaders, clientAddress, hellos: this.#options.hellos });
  }

  get isFinished(): boolean {
    return this.#response.isFinished;
  }

  sendContinue(): void {
    // After the head of the answer it would stand in the middle of the body.
    if (this.#isContinued || this.#response.headersSent || !this.#expectsContinue) return;
    this.#isContinued = true;
    this.#response.writeContinue();
  }

  sendInterim(status: number, headers: string[]): boolean {
    // HTTP/1.0 knows no interim answers (RFC 9110, section 15.2).
    if (this.body.httpVersion === '1.0') return false;
    this.#response.writeInformation(status, headers);
    return true;
  }

  sendWhole(status: number, headers: string[], body: Uint8Array | undefined): void {
    if (this.hasBody) this.#decideToClose(status, headers);
    this.#head = this.#layOut(status, headers, body);
    // Here and not later, because it throws for what is no valid head.
    if (this.#head === undefined) this.#writeHead(status, headers);
    this.#whole = body;
    // It would be held for as long as the client takes for something else.
    if (this.#lent?.send(body) === false) this.#lent = undefined;
    this.#options.batch.add(this, body?.length);
  }

  lendRoom(bytes: number): Uint8Array | undefined {
    this.#lent = LentRoom.take(this.#options.rooms, bytes);
    return this.#lent?.room;
  }

  /** What need not leave by node's own way; see `UsualHeads`. */
  #layOut(
    status: number,
    headers: readonly string[],
    body: Uint8Array | undefined,
  ): string | undefined {
    const isShort = body === undefined || body.length <= oneWriteBytesMax;
    if (this.hasBody || !isShort || !this.#response.isUsual) return undefined;
    return this.#options.heads.layOut(status, headers);
  }

  depart(): void {
    const body = this.#whole;
    const head = this.#head;
    this.#whole = undefined;
    this.#head = undefined;
    if (head !== undefined)
      this.#response.sendText(body === undefined ? head : head + latin1(body));
    else if (body === undefined || body.length === 0) this.#response.end();
    else if (body.length <= oneWriteBytesMax) this.#response.end(latin1(body), 'latin1');
    else if (body.length <= wholeBytesMax) this.#response.end(body);
    else {
      this.#pump(body);
      return;
    }
    this.#limitTaking();
  }

  #pump(body: Uint8Array): void {
    const { nowMs } = this.#options;
    const { pieceBytesMax } = this;
    const renewLimit = (): void => this.#renewLimit();
    pumpReply(this.#response, body, { renewLimit, nowMs, pieceBytesMax });
  }

  get #isSecure(): boolean {
    return this.body.socket instanceof TLSSocket;
  }

  sendHead(status: number, headers: string[]): void {
    if (this.hasBody) this.#decideToClose(status, headers);
    this.#writeHead(status, headers);
    this.#response.on('drain', () => this.listener?.wireDrained());
    if (this.body.httpVersion === '1.0' && !namesLength(headers)) this.#leaveUnmarked();
  }

  /** The time that a connection is kept is not node's to tell: it is kept by us. */
  #writeHead(status: number, headers: string[]): void {
    const { keepAlive } = this.#options.heads;
    const isKept = keepAlive !== undefined && !this.#saysClose && this.#response.isUsual;
    if (isKept) headers.push('keep-alive', keepAlive);
    this.#response.writeHead(status, headers);
  }

  /** A connection that encrypts would hold twice what is large. */
  get pieceBytesMax(): number {
    return this.#isSecure ? pieceBytes : quickPieceBytes;
  }

  get isTaken(): boolean {
    return this.#response.writableLength === 0;
  }

  /**
   * Node asks for a pause at each large piece, and holds back one that is sent in chunks until the
   * next tick: without either there is none where the system takes all of it.
   */
  write(chunk: Uint8Array): boolean {
    const response = this.#response;
    const { socket } = response;
    if (chunk.length <= joinedPieceBytesMax || socket === null) return response.write(chunk);
    socket.cork();
    const hasRoom = response.write(chunk);
    socket.uncork();
    return hasRoom || (this.isTaken && !socket.destroyed);
  }

  flushHead(): void {
    if (!this.#response.writableEnded) this.#response.flushHeaders();
  }

  end(trailers: readonly Header[] = []): void {
    // Node leaves them out where the body is not sent in chunks: only there is a place for them.
    if (trailers.length > 0) this.#response.addTrailers(trailers as [string, string][]);
    this.#response.end();
    this.#limitTaking();
  }

  /** A client that takes nothing would keep the answer in our memory for as long as it likes. */
  #limitTaking(): void {
    if ((this.#response.socket?.writableLength ?? 0) > 0) this.#renewLimit();
  }

  #renewLimit(): void {
    this.#isLimited = true;
    this.#options.taking.watch(this, this.#options.nowMs());
  }

  onDeadline(): void {
    this.destroy();
  }

  closed(): void {
    if (this.#isLimited) this.#options.taking.unwatch(this);
    // What has not all left may be the system's still.
    if (this.isFinished) this.#lent?.giveBack();
  }

  keepBody(): void {
    // Where the end of the connection tells the end of the answer, there is no reading on.
    if (this.#isUnmarked) return;
    // Node throws away a body that nobody has begun to read when the answer has left.
    this.body.read(0);
    const { socket } = this.body;
    if (!this.#saysClose) return;
    socket.destroySoon = () => {
      this.#closesLater = true;
    };
  }

  leaveBody(): void {
    const { socket, readableEnded } = this.body;
    if (readableEnded && !this.#closesLater) return;
    if (this.#closesLater) this.#options.lingering.close(socket);
    else if (this.#saysClose) this.#options.lingering.expect(socket);
    else if (this.#response.isFinished) this.#takeRest();
    else this.#response.once('finish', () => this.#takeRest());
  }

  destroy(): void {
    const { socket } = this.body;
    // A mere end would look like the end of the answer; over TLS the goodbye is missing from it.
    if (this.#isUnmarked && !this.#isSecure) socket.resetAndDestroy();
    else this.#response.destroy();
  }

  /**
   * Says `connection: close` where the connection cannot be used after this answer, which is what
   * clients act upon: one that was promised to be kept, and ends, costs its next request.
   */
  #decideToClose(status: number, headers: string[]): void {
    if (this.#mayKeepConnection(status)) return;
    this.#saysClose = true;
    headers.push('connection', 'close');
    this.#options.lingering.expect(this.body.socket);
  }

  #mayKeepConnection(status: number): boolean {
    const { body } = this;
    const isChunked = body.headers['transfer-encoding'] !== undefined;
    // Its framing is faulty, says RFC 9112, section 6.1: who knows what else does not count chunks.
    if (isChunked && body.httpVersion === '1.0') return false;
    if (body.complete) return true;
    if (isChunked || this.declaredBytes > unreadBytesTakenMax) return false;
    // Whether the client sends the body after an answer that was not 100 is for it to decide.
    if (this.#expectsContinue && !this.#isContinued) return false;
    return body.fault === undefined && !unfinished.has(status);
  }

  get #expectsContinue(): boolean {
    // HTTP/1.0 knows no interim answers (RFC 9110, section 15.2).
    if (this.body.httpVersion === '1.0') return false;
    return this.body.headers.expect?.toLowerCase() === '100-continue';
  }

  /** What is still to come of a small body is thrown away, if it comes soon. */
  #takeRest(): void {
    const { body } = this;
    const { lingering } = this.#options;
    if (body.readableEnded || body.destroyed) return;
    if (body.fault !== undefined) {
      lingering.close(body.socket);
      return;
    }
    const timer = setTimeout(() => body.socket.destroy(), lingering.limits.lingerMs);
    body.once('close', () => clearTimeout(timer));
    body.resume();
  }

  #leaveUnmarked(): void {
    const { unmarked } = this.#options;
    this.#isUnmarked = true;
    unmarked.add(this);
    this.#response.once('close', () => unmarked.delete(this));
  }
}

function namesLength(headers: readonly string[]): boolean {
  return headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'content-length');
}
