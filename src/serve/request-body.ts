/** The body of one request, read whole or piece by piece, and what becomes of an unread rest. */
import { setTimeout as delay } from 'node:timers/promises';
import { inBytes } from '../amounts.ts';
import { TerrafirmaError } from '../errors.ts';
import { BodyReader } from './body-reader.ts';
import type { IntakeTurns } from './intake-turns.ts';
import { WholeBody } from './whole-body.ts';
import type { Wire } from './wire.ts';

type BodyWire = Pick<
  Wire,
  | 'body'
  | 'declaredBytes'
  | 'givesBodyAway'
  | 'isReceived'
  | 'keepBody'
  | 'leaveBody'
  | 'sendContinue'
>;

export interface RequestBodyOptions {
  readonly wire: BodyWire;
  readonly idleTimeoutMs: number;
  /** Takes bytes on the account of whoever keeps them; false where there is no room now. */
  readonly tryHold: (bytes: number) => boolean;
  /** Of the thread; undefined: nobody else waits. */
  readonly intake: IntakeTurns | undefined;
}

/** How often a body that must wait looks whether there is room: thousands may wait at once. */
const roomLookMs = 250;

export class RequestBody {
  readonly #options: RequestBodyOptions;
  #reader: BodyReader | undefined;
  #bytesReceived = 0;
  /** A run may still read it, whether or not there is an answer. */
  #isKept = false;
  #isAnswered = false;
  #isLeft = false;
  /** What the folder's owner lets a module receive. */
  #bytesMax = Number.POSITIVE_INFINITY;

  constructor(options: RequestBodyOptions) {
    this.#options = options;
  }

  /** Read so far. */
  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  /** As `Exchange.readBody`. */
  async readWhole(bytesMax: number): Promise<Uint8Array> {
    const declared = this.#options.wire.declaredBytes;
    if (declared > bytesMax) throw tooLarge(bytesMax, declared);
    const { givesBodyAway } = this.#options.wire;
    const whole = new WholeBody(declared, { ownsPieces: givesBodyAway });
    for (;;) {
      const chunk = await this.read();
      if (chunk === undefined) return whole.finish();
      const length = whole.length + chunk.length;
      if (length > bytesMax) throw tooLarge(bytesMax, length);
      if (!this.#options.tryHold(chunk.length)) await this.#roomFor(chunk.length);
      whole.add(chunk);
    }
  }

  /** The next piece; undefined at the end. */
  async read(): Promise<Uint8Array | undefined> {
    this.#reader ??= this.#open();
    const { intake } = this.#options;
    // Small bodies are one piece: the first never waits behind somebody's uploads.
    if (intake?.isSpent === true && this.#bytesReceived > 0) await intake.turn();
    const chunk = await this.#reader.read();
    if (chunk !== undefined) {
      this.#bytesReceived += chunk.length;
      intake?.take(chunk.length);
    }
    if (this.#bytesReceived > this.#bytesMax) throw tooLarge(this.#bytesMax, this.#bytesReceived);
    return chunk;
  }

  /**
   * A run begins, which may read for as long as it goes on, also after the answer.
   *
   * @param bytesMax More is refused, now or as it comes, however it is read.
   * @throws TerrafirmaError `request-too-large`.
   */
  keep(bytesMax = Number.POSITIVE_INFINITY): void {
    const declared = this.#options.wire.declaredBytes;
    if (declared > bytesMax) throw tooLarge(bytesMax, declared);
    this.#bytesMax = bytesMax;
    this.#isKept = true;
  }

  /** The run is over. */
  release(): void {
    this.#isKept = false;
    if (this.#isAnswered) this.#leave();
  }

  /** The answer has been handed over. */
  answered(): void {
    this.#isAnswered = true;
    if (!this.#isKept) this.#leave();
    else if (!this.#options.wire.isReceived) this.#options.wire.keepBody();
  }

  #leave(): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    this.#options.wire.leaveBody();
  }

  #open(): BodyReader {
    const { wire, idleTimeoutMs } = this.#options;
    wire.sendContinue();
    return new BodyReader(wire.body, idleTimeoutMs);
  }

  /** Reads no further meanwhile, so that the client is held up and not we. */
  async #roomFor(bytes: number): Promise<void> {
    const { tryHold, idleTimeoutMs, wire } = this.#options;
    for (let waitedMs = 0; !tryHold(bytes); waitedMs += roomLookMs) {
      const { destroyed, readableEnded } = wire.body;
      // Node destroys a body that has been read to its end, too.
      if ((destroyed && !readableEnded) || this.#isLeft) throw nobodyWaits();
      if (waitedMs >= idleTimeoutMs) throw noRoom(waitedMs);
      await delay(roomLookMs);
    }
  }
}

function nobodyWaits(): TerrafirmaError {
  return new TerrafirmaError('client-gone', 'Cannot read the request body: nobody waits for it');
}

function noRoom(waitedMs: number): TerrafirmaError {
  return new TerrafirmaError(
    'overloaded',
    `Cannot read the request body now: memory for bodies is short: waited ${waitedMs} ms`,
  );
}

function tooLarge(bytesMax: number, received: number): TerrafirmaError {
  const rule = `its body may have at most ${inBytes(bytesMax)}`;
  return new TerrafirmaError(
    'request-too-large',
    `Cannot accept the request: ${rule}: received ${received} bytes`,
  );
}
