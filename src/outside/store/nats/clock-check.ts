/**
 * How far this node's clock is from that of the engine, by which expiry, counters of orders and the
 * times of files are compared with those of other nodes. Edge: NATS.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { StoreError } from '../contract.ts';
import { EngineError, type Link, NoAnswer } from './link.ts';

export interface ClockCheckOptions {
  readonly link: Link;
  readonly stream: string;
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: () => number;
  /** Time that only goes on, in milliseconds. */
  readonly nowMs: () => number;
  /** By how many milliseconds this node's clock is ahead; negative: behind. */
  readonly onOffset: (offsetMs: number) => void;
}

const checkMs = 60_000;
/** An answer that takes longer says too little. */
const roundTripMsMax = 500;
const retryMs = 5_000;

export class ClockCheck {
  readonly #options: ClockCheckOptions;
  readonly #stop = new AbortController();

  constructor(options: ClockCheckOptions) {
    this.#options = options;
    void this.#run();
  }

  close(): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const offsetMs = await this.#ask();
      if (offsetMs !== undefined && !signal.aborted) this.#options.onOffset(offsetMs);
      const restMs = offsetMs === undefined ? retryMs : checkMs;
      await wait(restMs, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }

  /** Undefined: no answer that says anything. */
  async #ask(): Promise<number | undefined> {
    const { link, nowMs, stream, wallMs } = this.#options;
    const askedAtMs = nowMs();
    try {
      const info = await link.ask(`STREAM.INFO.${stream}`, undefined, roundTripMsMax);
      const tookMs = nowMs() - askedAtMs;
      const stampMs = Date.parse(String(Object(info).ts));
      if (Number.isNaN(stampMs) || tookMs > roundTripMsMax) return undefined;
      return Math.round(wallMs() - tookMs / 2 - stampMs);
    } catch (error) {
      const isPassing =
        error instanceof NoAnswer || error instanceof EngineError || error instanceof StoreError;
      if (isPassing) return undefined;
      throw error;
    }
  }
}
