/**
 * One WebSocket as a guest's conversation: messages wait in both directions within limits, and
 * whoever is faster is held up. Touches the connection's socket, through the library ws.
 */
import { Buffer, isUtf8 } from 'node:buffer';
import type { WebSocket } from 'ws';
import type { Conversation } from '../../abi/abi.ts';
import { Holding, type Share } from '../../account/share.ts';
import type { Limits } from '../../config/config.ts';
import { MessageQueue } from './message-queue.ts';

export type ConnectionLimits = Pick<
  Limits,
  | 'websocketMessageBytesMax'
  | 'websocketQueuedBytesMax'
  | 'websocketIdleMs'
  | 'websocketPingMs'
  | 'websocketGraceMs'
  | 'replyIdleTimeoutMs'
>;

export interface ConnectionOptions {
  readonly limits: ConnectionLimits;
  readonly framing: 'lines' | 'frames';
  readonly nowMs: () => number;
  /** What waits in either direction is on this account. */
  readonly share: Share;
  /** All that has come on the connection, in bytes. */
  readonly bytesRead: () => number;
}

/** RFC 6455, section 7.4.1. */
export const closeCode = {
  normal: 1_000,
  goingAway: 1_001,
  unsupportedData: 1_003,
  policy: 1_008,
  internal: 1_011,
  tryAgainLater: 1_013,
} as const;

/** Of a client's ping, its mask included (RFC 6455, section 5.2). */
const pingHeadBytes = 6;
/** A connection is charged anew where it changed by so much. */
const chargeStepBytes = 32 * 1024;
/** A close frame has room for so much beside the code. */
const reasonBytesMax = 123;
/** Messages that are on their way out at once, however small. */
const sendingMax = 256;

export class Connection implements Conversation {
  readonly messageBytesMax: number;
  /** Resolves when the socket is closed, with the code that was agreed on. */
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  readonly #options: ConnectionOptions;
  readonly #queue = new MessageQueue();
  readonly #holding: Holding;
  /** Of the connection, when the last message was whole. */
  #bytesReadAtMessage: number;
  #isOver = false;
  #isPaused = false;
  #ready: PromiseWithResolvers<void> | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  #onTaken: (() => void) | undefined;
  #onGivenUp: (() => void) | undefined;
  #isGivenUp = false;
  #grace: NodeJS.Timeout | undefined;
  #sending = 0;
  #bytesSent = 0;
  #bytesReceived = 0;
  #lastMessageMs: number;
  #lastPingMs: number;
  #hasBeenHeard = true;
  #buffered = 0;
  #lastTakenMs: number;

  constructor(socket: WebSocket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#holding = new Holding(options.share, 'websocket');
    this.#bytesReadAtMessage = options.bytesRead();
    this.messageBytesMax = options.limits.websocketMessageBytesMax;
    const nowMs = options.nowMs();
    this.#lastMessageMs = nowMs;
    this.#lastPingMs = nowMs;
    this.#lastTakenMs = nowMs;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.closed = promise;
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#receive(data, isBinary));
    socket.on('ping', (data: Buffer) => this.#answerPing(data));
    socket.on('pong', () => {
      this.#hasBeenHeard = true;
    });
    // The library closes with the code of the fault, such as 1009; nothing more will come.
    socket.on('error', () => this.#endInput());
    socket.on('close', (code: number) => {
      this.#endInput();
      this.#makeRoom();
      this.#holding.close();
      resolve(code);
    });
  }

  get bytesSent(): number {
    return this.#bytesSent;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  takeMessage(): Uint8Array | undefined {
    const message = this.#isHeld ? undefined : this.#queue.shift();
    if (message === undefined) return undefined;
    this.#charge();
    this.#lastMessageMs = this.#options.nowMs();
    const { websocketQueuedBytesMax } = this.#options.limits;
    if (this.#isPaused && this.#queue.bytes <= websocketQueuedBytesMax / 2) this.#resume();
    this.#onTaken?.();
    return message;
  }

  whenReady(): Promise<void> {
    if (this.#isOver || this.#hasMessage) return Promise.resolve();
    this.#ready ??= Promise.withResolvers<void>();
    return this.#ready.promise;
  }

  send(message: Uint8Array): Promise<void> | undefined {
    if (this.#socket.readyState !== this.#socket.OPEN) return undefined;
    this.#bytesSent += message.length;
    this.#lastMessageMs = this.#options.nowMs();
    this.#sending += 1;
    const binary = this.#options.framing === 'frames';
    // A client must break the connection off at text that is none (RFC 6455, section 8.1).
    const data = binary || isUtf8(message) ? message : Buffer.from(message).toString('utf8');
    this.#socket.send(data, { binary }, () => {
      this.#sending -= 1;
      if (this.#hasRoom) this.#makeRoom();
    });
    this.#charge();
    if (this.#hasRoom) return undefined;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  onTaken(listener: (() => void) | undefined): void {
    this.#onTaken = listener;
  }

  onGivenUp(listener: (() => void) | undefined): void {
    this.#onGivenUp = listener;
    if (this.#isGivenUp) listener?.();
  }

  /** Says goodbye: the guest's input ends, and what it has sent still leaves. */
  close(code: number, reason: string): void {
    this.#socket.close(code, cut(reason, reasonBytesMax));
    // Its answer to the close must be read, whatever waits before it.
    if (this.#isPaused) this.#resume();
    this.#endInput();
  }

  /** The guest has ended: there is nothing to wait for but the client's goodbye. */
  finish(code: number, reason: string): void {
    this.close(code, reason);
    clearTimeout(this.#grace);
    this.#queue.clear();
  }

  /** Ends connection and guest now. */
  cut(): void {
    this.#socket.terminate();
    this.#endInput();
    this.#giveUp();
  }

  /** Looks whether the other side is still there; called every moment. */
  tick(nowMs: number): void {
    if (this.#isOver) return;
    // What came while the owner was held.
    if (this.#hasMessage) this.#wake();
    const { websocketIdleMs, websocketPingMs, replyIdleTimeoutMs } = this.#options.limits;
    const { bufferedAmount } = this.#socket;
    if (bufferedAmount === 0 || bufferedAmount < this.#buffered) this.#lastTakenMs = nowMs;
    this.#buffered = bufferedAmount;
    this.#charge();
    if (this.#isTooMuch) this.#leaveForMemory();
    else if (nowMs - this.#lastTakenMs >= replyIdleTimeoutMs) this.#socket.terminate();
    else if (nowMs - this.#lastMessageMs >= websocketIdleMs) {
      this.close(closeCode.goingAway, `no message for ${websocketIdleMs} ms`);
    } else if (nowMs - this.#lastPingMs >= websocketPingMs) this.#ping(nowMs);
  }

  /**
   * The next message waits as the owner's next runs do. The last ones of a client that has gone do
   * not: the guest has little time for them anyway.
   */
  get #isHeld(): boolean {
    return this.#options.share.isHeld && !this.#isOver;
  }

  /** For the guest to take now. */
  get #hasMessage(): boolean {
    return this.#queue.count > 0 && !this.#isHeld;
  }

  get #hasRoom(): boolean {
    if (this.#socket.readyState !== this.#socket.OPEN) return true;
    const { websocketQueuedBytesMax } = this.#options.limits;
    return this.#sending < sendingMax && this.#socket.bufferedAmount <= websocketQueuedBytesMax;
  }

  /** What waits for the guest, for the client, and to become a message. */
  get #heldBytes(): number {
    const { websocketMessageBytesMax } = this.#options.limits;
    const unfinished = this.#options.bytesRead() - this.#bytesReadAtMessage;
    return (
      this.#queue.bytes +
      this.#socket.bufferedAmount +
      Math.min(unfinished, websocketMessageBytesMax)
    );
  }

  #charge(): void {
    const bytes = this.#heldBytes;
    const change = Math.abs(bytes - this.#holding.bytes);
    if (change >= chargeStepBytes || bytes === 0) this.#holding.set(bytes);
  }

  /** Whether this connection is one of those that hold what their owner may not hold any more. */
  get #isTooMuch(): boolean {
    return this.#holding.bytes > 0 && !this.#options.share.allows('bytes', 0);
  }

  #leaveForMemory(): void {
    this.close(closeCode.tryAgainLater, 'memory is short');
    this.#socket.terminate();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#hasBeenHeard = true;
    if (this.#isOver) return;
    if (isBinary && this.#options.framing === 'lines') {
      this.close(closeCode.unsupportedData, 'this program takes text messages');
      return;
    }
    this.#lastMessageMs = this.#options.nowMs();
    this.#bytesReceived += data.length;
    this.#queue.push(data);
    this.#bytesReadAtMessage = this.#options.bytesRead();
    this.#charge();
    if (!this.#isPaused && this.#queue.bytes > this.#options.limits.websocketQueuedBytesMax) {
      this.#isPaused = true;
      this.#socket.pause();
    }
    if (this.#hasMessage) this.#wake();
  }

  /** Mallory may send pings and read no pong: what waits for her is bounded. */
  #answerPing(data: Buffer): void {
    this.#hasBeenHeard = true;
    this.#bytesReadAtMessage += data.length + pingHeadBytes;
    if (this.#socket.bufferedAmount > this.#options.limits.websocketQueuedBytesMax * 2) this.cut();
    else this.#socket.pong(data);
  }

  /** A client that is held up cannot be heard; but if it has gone, the ping breaks off. */
  #ping(nowMs: number): void {
    if (!this.#hasBeenHeard && !this.#isPaused) {
      this.#socket.terminate();
      return;
    }
    this.#hasBeenHeard = false;
    this.#lastPingMs = nowMs;
    this.#socket.ping();
  }

  #resume(): void {
    this.#isPaused = false;
    // Nothing could be heard of the client meanwhile.
    this.#hasBeenHeard = true;
    this.#socket.resume();
  }

  /** The guest sees the end of its input, and has a while to end by itself. */
  #endInput(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#grace = setTimeout(() => this.#giveUp(), this.#options.limits.websocketGraceMs);
    this.#wake();
  }

  #giveUp(): void {
    if (this.#isGivenUp) return;
    this.#isGivenUp = true;
    clearTimeout(this.#grace);
    this.#onGivenUp?.();
  }

  #wake(): void {
    this.#ready?.resolve();
    this.#ready = undefined;
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }
}

/** At most so many bytes of it as UTF-8: what is too long would be refused, and nothing said. */
function cut(text: string, bytesMax: number): string {
  const bytes = new Uint8Array(bytesMax);
  const { read } = new TextEncoder().encodeInto(text, bytes);
  return text.slice(0, read);
}
