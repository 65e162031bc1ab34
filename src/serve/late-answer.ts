/** An answer that comes from elsewhere: it is waited for beside the run, and after it. */
import { Duplex } from 'node:stream';
import { TerrafirmaError } from '../errors.ts';
import type { ReadBody } from '../http/body.ts';
import { isConnection, type LateReply } from '../http/late-reply.ts';
import type { ReplyHead } from '../http/message.ts';
import type { PassedBytes } from './websocket/tunnels.ts';

/** Sends for the answer. `signal` says that nobody wants it any more. */
export type LateOpening = (signal: AbortSignal) => Promise<LateReply>;

/** Joins the client with the server of an answer 101, until both have ended. */
export type TunnelTaker = (head: ReplyHead, server: Duplex) => Promise<PassedBytes>;

/** How what has come is passed on; both resolve when it has gone, well or not. */
export interface LateTaker {
  readonly give: (head: ReplyHead, body: ReadBody) => Promise<void> | undefined;
  /** Left out where the client did not ask for another protocol. */
  readonly tunnel: ((head: ReplyHead, server: Duplex) => Promise<void>) | undefined;
}

export class LateAnswer {
  readonly #leaving = new AbortController();
  readonly #passing: Promise<void>;

  constructor(open: LateOpening, taker: LateTaker) {
    this.#passing = this.#follow(open, taker);
    // Whoever asks is told; nobody may until the run has ended.
    this.#passing.catch(() => undefined);
  }

  /**
   * Resolves when it has gone. Where it did not come it rejects with a TerrafirmaError `no-answer`,
   * or with why it could not be given; `onFailed` is called first.
   */
  async whenPassed(onFailed: () => void): Promise<void> {
    try {
      await this.#passing;
    } catch (error) {
      onFailed();
      throw error;
    }
  }

  /** The client has gone. */
  giveUp(): void {
    this.#leaving.abort();
  }

  async #follow(open: LateOpening, { give, tunnel }: LateTaker): Promise<void> {
    const { head, body } = await openOrTell(open, this.#leaving.signal);
    if (!isConnection(body)) await give(head, body);
    else if (tunnel !== undefined && body instanceof Duplex && !this.#leaving.signal.aborted) {
      await tunnel(head, body);
    } else {
      body.destroy();
      const rule = 'who was asked must answer in HTTP';
      throw new TerrafirmaError('no-answer', `Cannot answer: ${rule}: received a connection`);
    }
  }
}

async function openOrTell(open: LateOpening, signal: AbortSignal): Promise<LateReply> {
  try {
    return await open(signal);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const detail = `Cannot answer: who was asked must answer: ${reason}`;
    throw new TerrafirmaError('no-answer', detail, { cause });
  }
}
