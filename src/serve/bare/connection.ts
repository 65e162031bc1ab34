/**
 * One connection of bare requests. They are served one at a time (RFC 9112, section 9.3.2): what
 * comes during an answer stays in bytes until that has left, and nothing more is read meanwhile.
 */
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { RawHead } from '../../http/request-head.ts';
import type { LimitClock, Watched } from '../../limit-clock.ts';
import { clientNetwork } from '../../names.ts';
import { peerOf } from '../arrivals.ts';
import type { ClientBytes } from '../exchange-bytes.ts';
import type { Asked, IdleConnections } from '../http1/idle-connections.ts';
import type { Lingering } from '../http1/lingering.ts';
import type { Visitor } from '../road/client-address.ts';
import type { BareHeads } from './head.ts';
import type { BareWire } from './wire.ts';

/** What a connection keeps of what came behind a request, at most: a read, and as much unread. */
export const aheadBytesMax = 128 * 1_024;

const noBytes = Buffer.alloc(0);

export interface BareConnectionOptions {
  /** What clients make this thread hold. */
  readonly clientBytes: ClientBytes;
  readonly lingering: Lingering;
  readonly heads: BareHeads;
  readonly idle: IdleConnections;
  /** How long a connection may say nothing at first. */
  readonly opening: LimitClock;
  readonly nowMs: () => number;
  /** Serves a request, by a wire that has been told to `connection`; false: node is to serve it. */
  readonly begin: (connection: BareConnection, raw: RawHead) => boolean;
  /** The connection has gone, or is node's. */
  readonly leave: (connection: BareConnection) => void;
  readonly handOver: (socket: Socket) => void;
}

export class BareConnection implements Asked, Watched {
  readonly socket: Socket;
  readonly isSecure: boolean;
  /** Its requests are a head and nothing else. */
  readonly isReceived = true;
  /** Who is at the other end. */
  readonly peer: Visitor;
  /** For the clock. */
  deadlineMs = 0;
  earlier: Watched | undefined;
  later: Watched | undefined;
  readonly #options: BareConnectionOptions;
  /** Of the request whose answer the connection belongs to. */
  #current: BareWire | undefined;
  /** A head that node would refuse, of which the rest is still to come; the reader bounds it. */
  #begun: Buffer | undefined;
  /** What has come behind that request. */
  #waiting: Buffer | undefined;
  /** More came than its client may make us keep: it ends after the answer. */
  #isFull = false;
  #requests = 0;
  #hasSpoken = false;
  /** It had said nothing when all were last asked to end. */
  #wasSilent = false;

  constructor(socket: Socket, options: BareConnectionOptions) {
    this.socket = socket;
    this.isSecure = socket instanceof TLSSocket;
    this.peer = peerOf(socket);
    this.#options = options;
    socket.on('data', this.#take);
    takeAtOnce(socket, this.#take);
    socket.on('drain', this.#drain);
    socket.on('end', endToo);
    socket.on('error', endAtOnce);
    socket.on('close', this.#close);
    options.opening.watch(this, options.nowMs());
  }

  get requests(): number {
    return this.#requests;
  }

  get isAnswered(): boolean {
    return !this.isBusy;
  }

  get isBusy(): boolean {
    return this.#current !== undefined || this.#waiting !== undefined;
  }

  /** Ends where no answer is under way; one that is new has until the next time to ask. */
  endIfIdle(): void {
    if (this.isBusy) return;
    if (this.#hasSpoken || this.#wasSilent) this.socket.destroy();
    this.#wasSilent = true;
  }

  /** It said nothing for too long: if that was not for want of somebody who listens. */
  onDeadline(): void {
    setImmediate(() => {
      if (this.#begun !== undefined) this.#handOver(this.#takeBegun());
      else if (!this.#hasSpoken) this.socket.destroy();
    });
  }

  /** The connection belongs to the answer on `wire` until that has left. */
  enter(wire: BareWire): void {
    this.#current = wire;
    this.#requests += 1;
    if (this.#requests === 1) this.#options.idle.add(this.socket, this);
  }

  /** All of the answer has been handed to the system. */
  answered(): void {
    this.#current = undefined;
    if (this.#isFull) this.#end();
    // Others have their turns first: sixty clients with a thousand requests each that are answered
    // at once, such as those for hidden files, kept the thread for four seconds.
    if (this.#waiting !== undefined) setImmediate(this.#goOn);
  }

  /** Some of what came is lost: nothing that still comes begins where a request does. */
  #end(): void {
    takeAtOnce(this.socket, undefined);
    this.#options.lingering.close(this.socket);
  }

  readonly #take = (chunk: Buffer): void => {
    if (this.isBusy) this.#hold(chunk);
    else if (this.#begun === undefined) this.#read(chunk);
    else this.#read(Buffer.concat([this.#begun, chunk]));
  };

  #hold(chunk: Buffer): void {
    // The stream keeps what still comes, as much as it keeps of any, and then the client waits.
    this.socket.pause();
    if (this.#isFull) return;
    const { clientBytes } = this.#options;
    if (this.#waiting !== undefined) this.#waiting = Buffer.concat([this.#waiting, chunk]);
    else if (clientBytes.tryAdd(this.#client, aheadBytesMax)) this.#waiting = chunk;
    else this.#isFull = true;
  }

  #takeWaiting(): Buffer | undefined {
    const waiting = this.#waiting;
    if (waiting !== undefined) this.#options.clientBytes.release(this.#client, aheadBytesMax);
    this.#waiting = undefined;
    return waiting;
  }

  get #client(): string {
    return clientNetwork(this.peer.clientAddress);
  }

  /** `bytes` begin where a request does. */
  #read(bytes: Buffer): void {
    const { heads, opening } = this.#options;
    if (!this.#hasSpoken) opening.unwatch(this);
    this.#hasSpoken = true;
    const head = heads.read(bytes);
    if (head === undefined && heads.isWorthWaiting(bytes)) {
      this.#awaitRest(bytes);
      return;
    }
    if (this.#begun !== undefined) this.#takeBegun();
    if (head === undefined) {
      this.#handOver(bytes);
      return;
    }
    if (head.end < bytes.length) this.#hold(bytes.subarray(head.end));
    if (this.#options.begin(this, head)) return;
    this.#takeWaiting();
    this.#handOver(bytes);
  }

  /** All of the head has the time that any head has; then node refuses it. */
  #awaitRest(bytes: Buffer): void {
    const { nowMs, opening } = this.#options;
    if (this.#begun === undefined) opening.watch(this, nowMs());
    this.#begun = bytes;
  }

  #takeBegun(): Buffer {
    const begun = this.#begun ?? noBytes;
    this.#begun = undefined;
    this.#options.opening.unwatch(this);
    return begun;
  }

  readonly #goOn = (): void => {
    const bytes = this.#takeWaiting();
    if (bytes === undefined || this.socket.destroyed) return;
    this.#read(bytes);
    if (!this.#isFull && this.#waiting === undefined) this.socket.resume();
  };

  #handOver(bytes: Buffer): void {
    const { socket } = this;
    const { handOver, leave } = this.#options;
    socket.off('data', this.#take);
    takeAtOnce(socket, undefined);
    socket.off('drain', this.#drain);
    socket.off('end', endToo);
    socket.off('error', endAtOnce);
    socket.off('close', this.#close);
    leave(this);
    // Else the stream would not notice that there is something to read.
    socket.pause();
    socket.unshift(bytes);
    handOver(socket);
    socket.resume();
  }

  readonly #drain = (): void => {
    this.#current?.drained();
  };

  readonly #close = (): void => {
    const { leave, opening } = this.#options;
    opening.unwatch(this);
    leave(this);
    this.#begun = undefined;
    this.#takeWaiting();
    this.#current?.gone();
  };
}

/**
 * Brings what is read to `take` without the stream's own book-keeping, which costs a tick for each
 * read; not while the stream holds something, or is paused. Undefined: all goes by the stream.
 */
function takeAtOnce(socket: Socket, take: ((chunk: Buffer) => void) | undefined): void {
  if (take === undefined) {
    Reflect.deleteProperty(socket, 'push');
    return;
  }
  socket.push = (chunk, encoding) => {
    const isAsUsual = !Buffer.isBuffer(chunk) || chunk.length === 0 || socket.readableLength > 0;
    if (isAsUsual || socket.readableFlowing !== true) {
      return Readable.prototype.push.call(socket, chunk, encoding);
    }
    take(chunk);
    return true;
  };
}

/** Node's servers do not wait for answers under way either. */
function endToo(this: Socket): void {
  this.end();
}

function endAtOnce(this: Socket): void {
  this.destroy();
}
