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
import type { Limits } from '../config/config.ts';
import type { Http2Offenders } from './http2-offenders.ts';
import { plainAddress } from './rejected.ts';

export interface Http2SessionsOptions {
  readonly limits: Pick<
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
}

export interface Http2Request {
  readonly stream: ServerHttp2Stream;
  /** Names and values in turn, pseudo-headers included. */
  readonly rawHeaders: readonly string[];
  readonly socket: TLSSocket;
}

/** Resets that are forgiven a second, once the burst is used up. */
const RESETS_PER_SECOND = 10;
/** Frames that are not of the protocol, and requests that never open a stream. */
const INVALID_FRAMES_MAX = 100;
const REJECTED_STREAMS_MAX = 100;
/** Memory of one connection, in the unit of node: megabytes. */
const SESSION_MEGABYTES_MAX = 10;
/** A pseudo-header is no header of the request's own. */
const PSEUDO_HEADERS = 4;

export class Http2Sessions {
  readonly #options: Http2SessionsOptions;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(options: Http2SessionsOptions) {
    this.#options = options;
  }

  /** Takes over a socket whose handshake chose `h2`. */
  accept(socket: TLSSocket): void {
    const { isProxy, limits, offenders } = this.#options;
    const address = plainAddress(socket.remoteAddress);
    const isWatched = !isProxy(address);
    const session = performServerHandshake(socket, {
      maxHeaderListPairs: limits.headersMax + PSEUDO_HEADERS,
      maxSessionMemory: SESSION_MEGABYTES_MAX,
      maxSessionInvalidFrames: INVALID_FRAMES_MAX,
      maxSessionRejectedStreams: REJECTED_STREAMS_MAX,
      // The attack of CVE-2023-44487: requests sent and broken off faster than they can be counted.
      streamResetBurst: limits.http2ResetsMax,
      streamResetRate: RESETS_PER_SECOND,
      settings: {
        maxConcurrentStreams: limits.http2StreamsMax,
        maxHeaderListSize: limits.headerBytesMax,
        enablePush: false,
      },
    });
    this.#sessions.add(session);
    const idle = new IdleLimit(session, limits);
    session.on('stream', (stream, _headers, _flags, rawHeaders) => {
      stream.on('error', ignoreBrokenStream);
      idle.enter();
      stream.once('close', () => {
        idle.leave();
        if (isWatched && stream.aborted) offenders.noteReset(address);
      });
      // After the other frames that came with it: one that breaks it off spares us the request.
      setImmediate(() => {
        if (!stream.destroyed && !stream.aborted) {
          this.#options.onStream({ stream, rawHeaders, socket });
        }
      });
    });
    session.on('error', (error) => {
      if (isWatched) offenders.noteEnd(address, error);
      session.destroy();
    });
    session.on('close', () => {
      idle.stop();
      this.#sessions.delete(session);
    });
  }

  /** No new requests; connections end when those under way have been answered. */
  drain(): void {
    for (const session of this.#sessions) session.close();
  }

  destroy(): void {
    for (const session of this.#sessions) session.destroy();
  }
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
