/**
 * All WebSocket connections of a serving thread: how many a site may have, who is still there, and
 * how they end. Touches the network, through the library ws.
 */
import { type ServerOptions, WebSocketServer } from 'ws';
import type { Share } from '../../account/share.ts';
import type { Shares } from '../../account/shares.ts';
import type { Capabilities } from '../../capability/capability.ts';
import type { GuestRun } from '../../engine/run/guest-run.ts';
import type { RunReport } from '../../engine/run/report.ts';
import { TerrafirmaError, visitorSentence } from '../../errors.ts';
import type { HttpExchange } from '../exchange.ts';
import { Connection, type ConnectionLimits, closeCode } from './connection.ts';
import type { ConnectionCounts } from './connection-counts.ts';
import type { UpgradeRequest } from './upgrade.ts';

export interface ConversationsOptions {
  readonly limits: ConnectionLimits;
  /** Of all WebSockets of the thread. */
  readonly counts: ConnectionCounts;
  readonly nowMs: () => number;
}

export interface ConversationRequest {
  readonly exchange: HttpExchange;
  readonly upgrade: UpgradeRequest;
  readonly guest: GuestRun;
  readonly capabilities: Capabilities;
  readonly shares: Shares;
  /** What the site's owner holds. */
  readonly share: Share;
}

/** What a program may exit with to choose the close code (RFC 6455, section 7.4.2). */
const ownCodeMin = 3_000;
const ownCodeMax = 4_999;
const tickMsMin = 10;
const tickMsMax = 1_000;
const ticksPerLimit = 10;

export class Conversations {
  readonly #options: ConversationsOptions;
  readonly #server: WebSocketServer;
  readonly #counts: ConnectionCounts;
  /** With what resolves once they are over. */
  readonly #open = new Map<Connection, Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #isDraining = false;

  constructor(options: ConversationsOptions) {
    this.#options = options;
    const { limits, nowMs } = options;
    this.#counts = options.counts;
    const serverOptions: ServerOptions & { readonly closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      // Pongs are counted like everything that waits for the client.
      autoPong: false,
      // A compressed kilobyte can be a megabyte, and every connection would keep a window.
      perMessageDeflate: false,
      maxPayload: limits.websocketMessageBytesMax,
      closeTimeout: limits.websocketGraceMs,
    };
    this.#server = new WebSocketServer(serverOptions);
    const shortestMs = Math.min(
      limits.websocketPingMs,
      limits.websocketIdleMs,
      limits.replyIdleTimeoutMs,
    );
    const tickMs = Math.min(tickMsMax, Math.max(tickMsMin, shortestMs / ticksPerLimit));
    this.#timer = setInterval(() => this.#tick(nowMs()), tickMs);
    this.#timer.unref();
  }

  /**
   * Opens the WebSocket and lets the guest have it until both have ended. What goes wrong after
   * the handshake is in the report.
   *
   * @throws TerrafirmaError `no-websocket`, `overloaded`, `draining`, `client-gone`.
   */
  async hold(request: ConversationRequest): Promise<RunReport> {
    const { guest, capabilities, shares } = request;
    const { webSocket: framing } = capabilities.settings;
    if (!guest.canConverse || framing === 'off') throw noWebSocket();
    if (this.#isDraining) throw new TerrafirmaError('draining');
    request.share.requireRoom(this.#options.limits.websocketQueuedBytesMax);
    this.#counts.join(shares);
    try {
      return await this.#converse(request, framing);
    } finally {
      this.#counts.leave(shares);
    }
  }

  /** Connections that are open now. */
  get count(): number {
    return this.#open.size;
  }

  /**
   * Says goodbye to all clients; their guests see the end of their input. Resolves when all have
   * ended; after `drainMs` they are cut off.
   */
  async drain(drainMs: number): Promise<void> {
    this.#isDraining = true;
    // Not all in one moment: they come back at once, and whoever serves them then has to live.
    const open = [...this.#open.keys()];
    const spreadMs = drainMs / 2 / Math.max(1, open.length);
    const goodbyes = open.map((connection, at) =>
      setTimeout(
        () => connection.close(closeCode.goingAway, 'the server is about to stop'),
        at * spreadMs,
      ),
    );
    const cut = setTimeout(() => {
      for (const connection of this.#open.keys()) connection.cut();
    }, drainMs);
    await Promise.all(this.#open.values());
    for (const goodbye of goodbyes) clearTimeout(goodbye);
    clearTimeout(cut);
    clearInterval(this.#timer);
  }

  async #converse(
    { exchange, upgrade, guest, capabilities, share }: ConversationRequest,
    framing: 'lines' | 'frames',
  ): Promise<RunReport> {
    const { limits, nowMs } = this.#options;
    const socket = upgrade.accept(this.#server, exchange.request.id);
    exchange.leaveHttp();
    const connection = new Connection(socket, {
      ...{ limits, framing, nowMs, share },
      bytesRead: () => upgrade.bytesRead,
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#open.set(connection, promise);
    try {
      const report = await guest.converse(exchange, capabilities, connection);
      const { code, reason } = goodbyeFor(report);
      connection.finish(code, reason);
      await connection.closed;
      exchange.countMessages(connection);
      if (!isOwnCode(report)) return report;
      return { ...report, outcome: 'replied', error: undefined, cause: undefined };
    } finally {
      this.#open.delete(connection);
      resolve();
    }
  }

  #tick(nowMs: number): void {
    for (const connection of this.#open.keys()) connection.tick(nowMs);
  }
}

function isOwnCode({ exitCode = 0 }: RunReport): boolean {
  return exitCode >= ownCodeMin && exitCode <= ownCodeMax;
}

function goodbyeFor(report: RunReport): { readonly code: number; readonly reason: string } {
  const { error, exitCode = 0 } = report;
  if (isOwnCode(report)) return { code: exitCode, reason: '' };
  if (error === undefined) return { code: closeCode.normal, reason: '' };
  const reason = visitorSentence(error);
  if (error.code === 'guest-out-of-cpu' || error.code === 'run-ended')
    return { code: closeCode.policy, reason };
  if (error.code === 'overloaded') return { code: closeCode.tryAgainLater, reason };
  return { code: closeCode.internal, reason };
}

function noWebSocket(): TerrafirmaError {
  return new TerrafirmaError('no-websocket');
}

/** @throws TerrafirmaError `no-websocket` for a request that wants one where there is a file */
export function refuseUpgrade(exchange: HttpExchange): void {
  if (exchange.upgrade !== undefined) throw noWebSocket();
}
