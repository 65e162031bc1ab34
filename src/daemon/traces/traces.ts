/**
 * What becomes of traces: they are taken out of the threads' queues several times a second, go to a
 * collector, where there is one, and the newest stay here for the page of a request.
 */
import { createLogQueues, type LogQueueMemory, LogQueueOutput } from '../../journal/log-queue.ts';
import { markOfRequest, readTrace, type TraceRecord } from '../../journal/trace-record.ts';
import type { TraceExporter } from './exporter.ts';
import { lineWith, partsOf } from './trace-lines.ts';
import { TraceQueue } from './trace-queue.ts';

export interface TracesOptions {
  /** Serving threads. */
  readonly threads: number;
  /** Undefined: there is no collector. */
  readonly exporter: TraceExporter | undefined;
}

/** Of each thread: some 3,000 requests; what comes faster than it is taken has no room. */
const queueBytesMax = 4 * 1024 * 1024;
const takeMs = 100;
/** Taken at once. */
const pieceBytes = 1024 * 1024;
/** The newest, of all threads. */
const kept = { countMax: 2_048, bytesMax: 8 * 1024 * 1024 };
const nobodyAsked = { sent: 0, dropped: 0, failed: 0 };

export class Traces {
  readonly #exporter: TraceExporter | undefined;
  readonly #queues: readonly LogQueueMemory[];
  readonly #outputs: readonly LogQueueOutput[];
  readonly #timer: NodeJS.Timeout;
  readonly #kept = new TraceQueue(kept);

  constructor({ exporter, threads }: TracesOptions) {
    this.#exporter = exporter;
    this.#queues = createLogQueues(threads, queueBytesMax);
    this.#outputs = this.#queues.map((memory) => new LogQueueOutput(memory));
    this.#timer = setInterval(() => this.#takeAll(), takeMs).unref();
  }

  /** Since the start, by what became of them. */
  get counts(): Readonly<Record<'sent' | 'dropped' | 'failed', number>> {
    return this.#exporter?.counts ?? nobodyAsked;
  }

  /** Of the serving thread with that number, and of its successors. */
  queueOf(threadNumber: number): LogQueueMemory {
    const queue = this.#queues[threadNumber];
    if (queue === undefined)
      throw new TypeError(`Cannot trace: there is no thread ${threadNumber}`);
    return queue;
  }

  /** Undefined where the request was not traced, or is too long ago. */
  traceOf(requestId: string): TraceRecord | undefined {
    const mark = markOfRequest(requestId);
    for (const { bytes } of this.#kept.parts.toReversed()) {
      const line = lineWith(bytes, mark);
      if (line !== undefined) return readTrace(line);
    }
    return undefined;
  }

  /** Once the threads have ended. Sends what there is, within `limitMs`; the rest is lost. */
  async close(limitMs: number): Promise<void> {
    clearInterval(this.#timer);
    this.#takeAll();
    await this.#exporter?.close(limitMs);
  }

  #takeAll(): void {
    for (const output of this.#outputs) {
      while (!output.isEmpty) this.#take(output);
    }
  }

  #take(output: LogQueueOutput): void {
    const lines = output.peek(pieceBytes);
    output.release(lines.length);
    for (const part of partsOf(lines)) {
      this.#exporter?.take(part);
      while (this.#kept.count > 0 && !this.#kept.hasRoom(part)) this.#kept.shift(1);
      this.#kept.push(part);
    }
  }
}
