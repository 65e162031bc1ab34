/**
 * Sends traces to a collector, by OTLP over HTTP. A collector that is slow or away changes nothing
 * for requests: what does not fit is dropped and counted. Touches the network, by undici.
 */
import { Agent, request } from 'undici';
import type { Journal } from '../../journal/journal.ts';
import type { SpanAttributes } from '../../journal/span-text.ts';
import { TraceBody } from './otlp.ts';
import type { TraceLines } from './trace-lines.ts';
import { TraceQueue } from './trace-queue.ts';

export interface ExporterOptions {
  /** Of the traces themselves. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly resource: SpanAttributes;
  readonly journal: Journal;
  /** A clock that only goes forward, in milliseconds. */
  readonly nowMs: () => number;
}

const queue = { countMax: 2_048, bytesMax: 16 * 1024 * 1024 };
/** A collector has limits of its own for a body. */
const batch = { countMax: 512, bytesMax: 4 * 1024 * 1024 };
const gatherMs = 5_000;
const timeoutMs = 10_000;
const backOffMsMin = 1_000;
const backOffMsMax = 60_000;
/** What a collector that answers at length is read of. */
const replyBytesMax = 64 * 1024;

export class TraceExporter {
  readonly #options: ExporterOptions;
  readonly #agent = new Agent({
    connections: 1,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  readonly #stop = new AbortController();
  readonly #queue = new TraceQueue(queue);
  readonly #body: TraceBody;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #failures = 0;
  /** Traces since the start, by what became of them. */
  readonly counts = { sent: 0, dropped: 0, failed: 0 };

  constructor(options: ExporterOptions) {
    this.#options = options;
    this.#body = new TraceBody(options.resource);
  }

  take(part: TraceLines): void {
    if (this.#queue.hasRoom(part)) this.#queue.push(part);
    else this.counts.dropped += part.count;
    this.#begin(this.#waitMs());
  }

  /** Sends what there is, within `limitMs`; what is left then is lost. */
  async close(limitMs: number): Promise<void> {
    clearTimeout(this.#timer);
    const cut = setTimeout(() => this.#stop.abort(), limitMs).unref();
    await this.#sending;
    while (this.#queue.count > 0 && !this.#stop.signal.aborted && this.#failures === 0) {
      await this.#sendBatch();
    }
    clearTimeout(cut);
    await this.#agent.destroy();
  }

  #begin(afterMs: number): void {
    if (this.#sending !== undefined || this.#stop.signal.aborted) return;
    // A collector that failed is left alone for its time, however much waits.
    if (this.#failures > 0 && this.#timer !== undefined) return;
    if (afterMs > 0 && this.#timer !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(), this.#failures > 0 ? this.#backOffMs() : afterMs);
    this.#timer.unref();
  }

  #send(): void {
    this.#timer = undefined;
    this.#sending ??= this.#sendBatch().finally(() => {
      this.#sending = undefined;
      if (this.#queue.count > 0) this.#begin(this.#waitMs());
    });
  }

  #waitMs(): number {
    return this.#queue.fills(batch) ? 0 : gatherMs;
  }

  #backOffMs(): number {
    return Math.min(backOffMsMin * 2 ** (this.#failures - 1), backOffMsMax);
  }

  /** Never rejects. What a collector refuses for good is not sent again. */
  async #sendBatch(): Promise<void> {
    const parts = this.#queue.first(batch);
    if (parts.length === 0) return;
    const count = parts.reduce((sum, part) => sum + part.count, 0);
    try {
      const status = await this.#post(this.#body.of(parts));
      const isGood = status < 300;
      // As the protocol has it, these alone may be tried again.
      if (!isGood && isPassing(status)) throw new Error(`status ${status}`);
      this.#queue.shift(parts.length);
      this.counts[isGood ? 'sent' : 'failed'] += count;
      if (!isGood) this.#tell(`it answered ${status}: the traces are dropped`);
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      if (this.#failures === 1) {
        this.#tell(error instanceof Error ? error.message : String(error));
      }
    }
  }

  async #post(body: Buffer): Promise<number> {
    const { headers, url } = this.#options;
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(timeoutMs)]);
    const reply = await request(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      ...{ body, signal, dispatcher: this.#agent },
    });
    await reply.body.dump({ limit: replyBytesMax, signal });
    return reply.statusCode;
  }

  /** Once for each time that it goes away. */
  #tell(reason: string): void {
    this.#options.journal.tell('traces-not-sent', { reason });
  }
}

function isPassing(status: number): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504;
}
