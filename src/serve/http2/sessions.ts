/**
 * HTTP/2 over finished handshakes, with limits on what one connection may ask of us. Touches the
 * connections, through node:http2.
 */
import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Limits } from '../../config/config.ts';
import { plainAddress } from '../plain-address.ts';
import { Http2Budget, type Http2BudgetLimits } from './budget.ts';
import type { Http2Offenders } from './offenders.ts';
import { peekOpening } from './opening-peek.ts';
import { type Http2Request, Http2Turns } from './turns.ts';
import { Http2Watch } from './watch.ts';

const noTrailers: readonly string[] = [];

export interface Http2SessionsOptions {
  readonly limits: Http2BudgetLimits &
    Pick<
      Limits,
      | 'http2StreamsMax'
      | 'http2ResetsMax'
      | 'headerBytesMax'
      | 'headersMax'
      | 'headerTimeoutMs'
      | 'keepAliveTimeoutMs'
    >;
  readonly onStream: (request: Http2Request) => void;
  readonly offenders: Http2Offenders;
  /** Proxies carry the requests of many: what is broken off there is not one client's doing. */
  readonly isProxy: (address: string) => boolean;
  /** A connection was cut for what it sent besides its requests; for the log. */
  readonly onFlood: (address: string, reason: string) => void;
  readonly nowMs: () => number;
}

/** Resets that are forgiven a second, once the burst is used up. */
const resetsPerSecond = 10;
/** Frames that are not of the protocol, and requests that never open a stream. */
const invalidFramesMax = 100;
const rejectedStreamsMax = 100;
/** Memory of one connection, in the unit of node: megabytes. */
const sessionMegabytesMax = 10;
/** Requests that begin before whatever else has arrived has its turn: a millisecond or two. */
const requestsPerTurn = 16;
/** A proxy's connection carries the requests of many. */
const proxiesRequestsPerTurn = 64;
/** How often connections are looked at for what they sent. */
const lookMs = 250;
/** Of all streams there can be, the last: none is refused yet. */
const anyStream = 2 ** 31 - 1;
/** A pseudo-header is no header of the request's own. */
const pseudoHeaders = 4;

export class Http2Sessions {
  readonly #options: Http2SessionsOptions;
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Connections on which nothing has come. */
  readonly #opening = new Set<TLSSocket>();
  /** Of the sessions that are watched: those of trusted proxies are not. */
  readonly #watches = new Map<ServerHttp2Session, Http2Watch>();
  readonly #turns: Http2Turns;
  readonly #proxiesTurns: Http2Turns;
  #lookTimer: NodeJS.Timeout | undefined;
  #isDraining = false;

  constructor(options: Http2SessionsOptions) {
    this.#options = options;
    this.#turns = new Http2Turns(requestsPerTurn, options.onStream);
    this.#proxiesTurns = new Http2Turns(proxiesRequestsPerTurn, options.onStream);
  }

  /** Connections that are open now. */
  get count(): number {
    return this.#sessions.size;
  }

  /** Takes over a socket whose handshake chose `h2`. */
  accept(socket: TLSSocket): void {
    if (this.#isDraining) {
      socket.destroy();
      return;
    }
    this.#opening.add(socket);
    socket.once('close', () => this.#opening.delete(socket));
    peekOpening(socket, Math.max(this.#options.limits.headerTimeoutMs, 1), (opening) => {
      this.#opening.delete(socket);
      this.#begin(socket, opening);
    });
  }

  #begin(socket: TLSSocket, opening: Uint8Array): void {
    const { isProxy, limits, offenders } = this.#options;
    const address = plainAddress(socket.remoteAddress);
    const isWatched = !isProxy(address);
    const session = performServerHandshake(socket, {
      maxHeaderListPairs: limits.headersMax + pseudoHeaders,
      // Some servers send a field twice; HTTP/1.1 passes it on, and so should this.
      strictSingleValueFields: false,
      maxSessionMemory: sessionMegabytesMax,
      maxSessionInvalidFrames: invalidFramesMax,
      maxSessionRejectedStreams: rejectedStreamsMax,
      // The attack of CVE-2023-44487: requests sent and broken off faster than they can be counted.
      streamResetBurst: limits.http2ResetsMax,
      streamResetRate: resetsPerSecond,
      settings: {
        maxConcurrentStreams: limits.http2StreamsMax,
        maxHeaderListSize: limits.headerBytesMax,
        enablePush: false,
      },
    });
    this.#sessions.add(session);
    const idle = new IdleLimit(session, limits);
    const watch = isWatched ? this.#watch(session, socket) : undefined;
    const turns = isWatched ? this.#turns : this.#proxiesTurns;
    session.on('stream', (stream, _headers, _flags, rawHeaders) => {
      stream.on('error', ignoreBrokenStream);
      if (watch?.takeRequest(stream, rawHeaders) === false) return;
      idle.enter();
      stream.once('close', () => {
        idle.leave();
        if (isWatched && stream.aborted) offenders.noteReset(address);
      });
      turns.add({ stream, rawHeaders, rawTrailers: keepTrailers(stream), socket, opening });
    });
    session.on('error', (error) => {
      if (isWatched) offenders.noteEnd(address, error);
      session.destroy();
    });
    session.on('close', () => {
      idle.stop();
      this.#sessions.delete(session);
      this.#unwatch(session);
    });
  }

  #watch(session: ServerHttp2Session, socket: TLSSocket): Http2Watch {
    const { limits, nowMs, offenders, onFlood } = this.#options;
    const address = plainAddress(socket.remoteAddress);
    const watch = new Http2Watch({
      ...{ session, socket, nowMs },
      budget: new Http2Budget(limits, nowMs()),
      onFlood: (reason) => {
        offenders.noteFlood(address);
        onFlood(address, reason);
      },
    });
    this.#watches.set(session, watch);
    this.#lookTimer ??= setInterval(() => {
      for (const each of this.#watches.values()) each.look();
    }, lookMs);
    return watch;
  }

  #unwatch(session: ServerHttp2Session): void {
    this.#watches.delete(session);
    if (this.#watches.size > 0) return;
    clearInterval(this.#lookTimer);
    this.#lookTimer = undefined;
  }

  /**
   * Clients are told first that the end is near (RFC 9113, section 6.8): requests that are on their
   * way are still answered. After `graceMs` there are no new ones; connections end when those under
   * way have been answered.
   */
  drain(graceMs: number): void {
    for (const session of this.#sessions) {
      if (!session.destroyed) session.goaway(constants.NGHTTP2_NO_ERROR, anyStream);
    }
    setTimeout(() => {
      this.#isDraining = true;
      for (const socket of this.#opening) socket.destroy();
      for (const session of this.#sessions) session.close();
    }, graceMs).unref();
  }

  destroy(): void {
    for (const session of this.#sessions) session.destroy();
  }
}

/** Filled with the fields after the body: they may come before its request has its turn. */
function keepTrailers(stream: ServerHttp2Stream): readonly string[] {
  if (stream.endAfterHeaders) return noTrailers;
  const rawTrailers: string[] = [];
  stream.on('trailers', (_headers: object, _flags: number, raw?: readonly string[]) => {
    rawTrailers.push(...(raw ?? []));
  });
  return rawTrailers;
}

/** The stream's `close` event follows, and that is what the exchange listens to. */
function ignoreBrokenStream(): undefined {
  return undefined;
}

/**
 * Ends a connection that carries no request for too long. Counted by requests and not by bytes:
 * a client that only sends pings is idle.
 */
class IdleLimit {
  readonly #session: ServerHttp2Session;
  readonly #keepAliveTimeoutMs: number;
  #open = 0;
  #timer: NodeJS.Timeout;

  constructor(
    session: ServerHttp2Session,
    limits: Pick<Limits, 'headerTimeoutMs' | 'keepAliveTimeoutMs'>,
  ) {
    this.#session = session;
    this.#keepAliveTimeoutMs = limits.keepAliveTimeoutMs;
    this.#timer = this.#arm(Math.max(limits.headerTimeoutMs, 1));
  }

  enter(): void {
    this.#open += 1;
    clearTimeout(this.#timer);
  }

  leave(): void {
    this.#open -= 1;
    if (this.#open > 0 || this.#session.closed) return;
    clearTimeout(this.#timer);
    this.#timer = this.#arm(this.#keepAliveTimeoutMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #arm(timeoutMs: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#session.goaway(constants.NGHTTP2_NO_ERROR);
      this.#session.destroy();
    }, timeoutMs);
  }
}
