/**
 * One bare request and its answer, written to the connection without node:http. The connection is
 * kept: what would end it has made it node's before. Touches the connection's socket.
 */
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { ConnectionFacts } from '../../http/connection-facts.ts';
import type { Header } from '../../http/message.ts';
import type { RawHead } from '../../http/request-head.ts';
import type { LimitClock, Watched } from '../../limit-clock.ts';
import { SocketFacts } from '../connection-facts.ts';
import {
  composeInterim,
  layOutFields,
  needsChunks,
  type UsualHeads,
} from '../http1/usual-heads.ts';
import { pieceBytes, quickPieceBytes } from '../piece-size.ts';
import type { Departure, ReplyBatch } from '../reply-batch.ts';
import { type PumpTarget, pumpReply, wholeBytesMax } from '../reply-pump.ts';
import { LentRoom, type ReplyRooms } from '../reply-rooms.ts';
import { joinedPieceBytesMax, latin1, oneWriteBytesMax } from '../reply-text.ts';
import type { KeptHellos } from '../tls/kept-hellos.ts';
import type { Wire, WireListener } from '../wire.ts';

export interface BareWireOptions {
  /** How long an answer, or a piece of it, may lie untaken. */
  readonly taking: LimitClock;
  readonly nowMs: () => number;
  readonly batch: ReplyBatch;
  readonly rooms: ReplyRooms;
  readonly heads: UsualHeads;
  readonly hellos: KeptHellos;
}

/** The connection below, which is the answer's until that has left. */
export interface Carrier {
  readonly socket: Socket;
  readonly isSecure: boolean;
  /** All of the answer has been handed to the system. */
  answered(): void;
}

const noTrailers: readonly string[] = [];

export class BareWire implements Wire, Departure, Watched {
  listener: WireListener | undefined;
  readonly givesBodyAway = false;
  readonly hasBody = false;
  readonly declaredBytes = 0;
  readonly isReceived = true;
  readonly rawTrailers = noTrailers;
  /** For the clock. */
  deadlineMs = 0;
  earlier: Watched | undefined;
  later: Watched | undefined;
  readonly #carrier: Carrier;
  readonly #raw: RawHead;
  readonly #options: BareWireOptions;
  /** As text; goes with what is written first. */
  #head = '';
  #whole: Uint8Array | undefined;
  #lent: LentRoom | undefined;
  #isChunked = false;
  /** What is written waits for more of the same tick. */
  #isGathering = false;
  #isLimited = false;
  #isFinished = false;
  /** Brings the next pieces of a large body. */
  #goOn: (() => void) | undefined;

  constructor(carrier: Carrier, raw: RawHead, options: BareWireOptions) {
    this.#carrier = carrier;
    this.#raw = raw;
    this.#options = options;
  }

  get body(): Readable {
    return Readable.from([]);
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  factsFor(clientAddress: string): ConnectionFacts {
    const { socket } = this.#carrier;
    const { rawHeaders } = this.#raw;
    return new SocketFacts({ socket, rawHeaders, clientAddress, hellos: this.#options.hellos });
  }

  sendContinue(): void {
    // Nobody waits for a word.
  }

  sendInterim(status: number, headers: string[]): boolean {
    const text = composeInterim(status, headers);
    const { socket } = this.#carrier;
    if (socket.writable) socket.write(text, 'latin1');
    return true;
  }

  sendWhole(status: number, headers: string[], body: Uint8Array | undefined): void {
    const { batch, heads } = this.#options;
    let head = heads.layOut(status, headers);
    if (head === undefined) {
      // One of a status without a body; not every client knows that there is none.
      if (needsChunks(status, headers)) headers.push('content-length', '0');
      head = heads.compose(status, headers, false);
    }
    this.#head = head;
    this.#whole = body;
    // It would be held for as long as the client takes for something else.
    if (this.#lent?.send(body) === false) this.#lent = undefined;
    batch.add(this, body?.length);
  }

  lendRoom(bytes: number): Uint8Array | undefined {
    this.#lent = LentRoom.take(this.#options.rooms, bytes);
    return this.#lent?.room;
  }

  depart(): void {
    const body = this.#whole;
    this.#whole = undefined;
    const { socket } = this.#carrier;
    // Who hears of the end of the connection has nobody left to answer.
    if (!socket.writable) {
      this.#limitTaking();
      return;
    }
    if (body !== undefined && body.length > wholeBytesMax) this.#pump(body);
    else {
      const head = this.#head;
      this.#head = '';
      if (body === undefined || body.length <= oneWriteBytesMax) {
        this.#writeLast(body === undefined ? head : head + latin1(body));
      } else {
        socket.cork();
        socket.write(head, 'latin1');
        socket.write(body);
        socket.uncork();
        this.#finish();
      }
      this.#limitTaking();
    }
  }

  #pump(body: Uint8Array): void {
    const { nowMs } = this.#options;
    const { pieceBytesMax } = this;
    const renewLimit = (): void => this.#renewLimit();
    pumpReply(new BareBody(this, this.#carrier), body, { renewLimit, nowMs, pieceBytesMax });
  }

  sendHead(status: number, headers: string[]): void {
    this.#isChunked = this.#raw.method !== 'HEAD' && needsChunks(status, headers);
    this.#head = this.#options.heads.compose(status, headers, this.#isChunked);
  }

  flushHead(): void {
    if (this.#head === '' || !this.#carrier.socket.writable) return;
    this.#carrier.socket.write(this.#head, 'latin1');
    this.#head = '';
  }

  /** A connection that encrypts would hold twice what is large. */
  get pieceBytesMax(): number {
    return this.#carrier.isSecure ? pieceBytes : quickPieceBytes;
  }

  get isTaken(): boolean {
    return this.#carrier.socket.writableLength === 0;
  }

  write(chunk: Uint8Array): boolean {
    const { socket } = this.#carrier;
    if (!socket.writable) return false;
    const isLarge = chunk.length > joinedPieceBytesMax;
    if (isLarge) socket.cork();
    else this.#gather();
    const text = this.#isChunked ? `${this.#head}${chunk.length.toString(16)}\r\n` : this.#head;
    this.#head = '';
    if (text !== '') socket.write(text, 'latin1');
    let hasRoom = socket.write(chunk);
    if (this.#isChunked) hasRoom = socket.write('\r\n', 'latin1');
    if (!isLarge) return hasRoom;
    socket.uncork();
    // It is too much for the connection to hold, but not where the system has taken all of it.
    return hasRoom || (this.isTaken && !socket.destroyed);
  }

  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#carrier.socket.cork();
    process.nextTick(() => this.#letGo());
  }

  #letGo(): void {
    if (!this.#isGathering) return;
    this.#isGathering = false;
    this.#carrier.socket.uncork();
  }

  end(trailers: readonly Header[] = []): void {
    const last = this.#isChunked ? `0\r\n${layOutFields(trailers.flat())}\r\n` : '';
    const { socket } = this.#carrier;
    if (!socket.writable) {
      this.#limitTaking();
      return;
    }
    if (this.#head !== '' || last !== '') socket.write(this.#head + last, 'latin1');
    this.#head = '';
    this.#letGo();
    this.#finish();
    this.#limitTaking();
  }

  /** A connection that encrypts takes nothing at once, and an empty write would cost it a turn. */
  #writeLast(text: string): void {
    const { isSecure, socket } = this.#carrier;
    if (isSecure) socket.write(text, 'latin1', (error) => this.#left(error));
    else {
      socket.write(text, 'latin1');
      this.#finish();
    }
  }

  /** Nearly always the system has taken all by now; else it is told behind what still waits. */
  #finish(): void {
    const { socket } = this.#carrier;
    if (socket.writableLength === 0) this.#left(socket.errored);
    else socket.write('', 'latin1', (error) => this.#left(error));
  }

  /** A connection that broke is told of by its own end. */
  #left(error: Error | null | undefined): void {
    if (error !== null && error !== undefined) return;
    this.#isFinished = true;
    this.#carrier.answered();
    this.listener?.wireClosed();
  }

  /** The connection has gone before the answer had left. */
  gone(): void {
    this.listener?.wireClosed();
  }

  /** The client has taken what the connection held. */
  drained(): void {
    if (this.#goOn === undefined) this.listener?.wireDrained();
    else this.#goOn();
  }

  /** Who is told of that in place of the listener; undefined: it is again. */
  whenDrained(goOn: (() => void) | undefined): void {
    this.#goOn = goOn;
  }

  /**
   * A client that takes nothing would keep the answer in our memory for as long as it likes; one
   * that has ended its side, what had been written before that.
   */
  #limitTaking(): void {
    if (!this.#isFinished && !this.#carrier.socket.destroyed) this.#renewLimit();
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
    if (this.#isFinished) this.#lent?.giveBack();
  }

  keepBody(): void {
    // There is none.
  }

  leaveBody(): void {
    // There is none.
  }

  destroy(): void {
    // The connection may be another answer's by now.
    if (!this.#isFinished) this.#carrier.socket.destroy();
  }
}

/** What `pumpReply` writes to. */
class BareBody implements PumpTarget {
  readonly #wire: BareWire;
  readonly #carrier: Carrier;

  constructor(wire: BareWire, carrier: Carrier) {
    this.#wire = wire;
    this.#carrier = carrier;
  }

  get destroyed(): boolean {
    return this.#carrier.socket.destroyed;
  }

  get writableLength(): number {
    return this.#carrier.socket.writableLength;
  }

  write(piece: Uint8Array): boolean {
    return this.#wire.write(piece);
  }

  end(piece: Uint8Array): void {
    this.#wire.write(piece);
    this.#wire.end();
  }

  on(_event: 'drain', goOn: () => void): void {
    this.#wire.whenDrained(goOn);
  }

  off(): void {
    this.#wire.whenDrained(undefined);
  }
}
