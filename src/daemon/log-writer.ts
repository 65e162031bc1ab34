/**
 * The control plane's hold on the log writer: makes the queues, starts the thread, replaces it when
 * it crashes, and has everything written at the end.
 */
import process from 'node:process';
import type { Limits, LogConfig } from '../config/config.ts';
import {
  createLogQueues,
  LogBell,
  type LogQueueMemory,
  LogQueueOutput,
} from '../journal/log-queue.ts';
import { createLogRing } from '../journal/log-ring.ts';
import type { LogWriterStart } from '../journal/log-writer-thread.ts';
import type { OutputStream } from '../journal/output.ts';
import { LastingWorker } from '../threads/lasting-worker.ts';
import { entryBeside } from '../threads/worker.ts';

export interface LogWriterOptions {
  readonly log: LogConfig;
  readonly limits: Pick<Limits, 'logQueueBytesMax' | 'logRingBytesMax'>;
  /** Serving threads; each has a queue, and the control plane has one. */
  readonly threads: number;
  readonly stream: OutputStream;
  /** A writer crashed; for the log, which its successor writes. */
  readonly onTrouble: (detail: string) => void;
}

const backOff = { msMin: 200, msMax: 5_000, steadyMs: 30_000 };
/** At an end that was not planned: how long the process waits for its last lines. */
const exitWaitMs = 500;
const exitLookMs = 5;

export class LogWriter {
  /** The control plane's own. */
  readonly queue: LogQueueMemory;
  /** The newest lines; see `journal/log-ring.ts`. */
  readonly ring: SharedArrayBuffer;
  readonly #queues: readonly LogQueueMemory[];
  readonly #bell: LogBell;
  readonly #waitAtExit = (): void => this.#waitUntilEmpty();
  readonly #worker: LastingWorker<never>;

  constructor(options: LogWriterOptions) {
    this.#queues = createLogQueues(options.threads + 1, options.limits.logQueueBytesMax);
    const [own] = this.#queues;
    if (own === undefined) throw new TypeError('Cannot write the log: there is no queue');
    this.queue = own;
    this.ring = createLogRing(options.limits.logRingBytesMax);
    this.#bell = new LogBell(own);
    const { log, onTrouble, stream } = options;
    const { fd, isTTY, journalStream } = stream;
    const { ring } = this;
    const data: LogWriterStart = {
      log,
      stream: { fd, isTTY, journalStream },
      queues: this.#queues,
      ring,
    };
    this.#worker = new LastingWorker({
      plan: () => ({
        entry: entryBeside(import.meta, '../journal/log-writer-thread'),
        name: 'log writer',
        data,
      }),
      backOff,
      nowMs: () => performance.now(),
      onMessage: () => undefined,
      onCrash: onTrouble,
    });
    process.on('exit', this.#waitAtExit);
  }

  /** Of the serving thread with that number, and of its successors. */
  queueOf(threadNumber: number): LogQueueMemory {
    const queue = this.#queues[threadNumber + 1];
    if (queue === undefined) throw new TypeError(`Cannot log: there is no thread ${threadNumber}`);
    return queue;
  }

  /** Has all that is queued written, within `withinMs`; the rest is lost with its reader. */
  async close(withinMs: number): Promise<void> {
    this.#bell.close();
    await this.#worker.close(withinMs);
    process.off('exit', this.#waitAtExit);
  }

  /** The process ends without `close`: what it said last is why. Blocks, at its very end. */
  #waitUntilEmpty(): void {
    const outputs = this.#queues.map((memory) => new LogQueueOutput(memory));
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    const looksMax = exitWaitMs / exitLookMs;
    for (let look = 0; look < looksMax && !outputs.every((queue) => queue.isEmpty); look += 1) {
      Atomics.wait(sleeper, 0, 0, exitLookMs);
    }
  }
}
