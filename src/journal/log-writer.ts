/**
 * The control plane's hold on the log writer: makes the queues, starts the thread, replaces it when
 * it crashes, and has everything written at the end. Touches worker threads.
 */
import { extname } from 'node:path';
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import type { Limits, LogConfig } from '../config/config.ts';
import { describeError } from '../errors.ts';
import { createLogQueues, LogBell, type LogQueueMemory, LogQueueOutput } from './log-queue.ts';
import type { LogWriterStart } from './log-writer-thread.ts';
import type { OutputStream } from './output.ts';

export interface LogWriterOptions {
  readonly log: LogConfig;
  readonly limits: Pick<Limits, 'logQueueBytesMax'>;
  /** Serving threads; each has a queue, and the control plane has one. */
  readonly threads: number;
  readonly stream: OutputStream;
  /** A writer crashed; for the log, which its successor writes. */
  readonly onTrouble: (detail: string) => void;
}

const restartDelayMs = 200;
/** At an end that was not planned: how long the process waits for its last lines. */
const exitWaitMs = 500;
const exitLookMs = 5;

export class LogWriter {
  /** The control plane's own. */
  readonly queue: LogQueueMemory;
  readonly #queues: readonly LogQueueMemory[];
  readonly #options: LogWriterOptions;
  readonly #bell: LogBell;
  readonly #ended = Promise.withResolvers<void>();
  readonly #waitAtExit = (): void => this.#waitUntilEmpty();
  #worker: Worker;
  #restart: NodeJS.Timeout | undefined;
  #isClosing = false;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#queues = createLogQueues(options.threads + 1, options.limits.logQueueBytesMax);
    const [own] = this.#queues;
    if (own === undefined) throw new TypeError('Cannot write the log: there is no queue');
    this.queue = own;
    this.#bell = new LogBell(own);
    this.#worker = this.#spawn();
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
    this.#isClosing = true;
    this.#bell.close();
    if (this.#restart !== undefined) this.#ended.resolve();
    clearTimeout(this.#restart);
    const late = setTimeout(() => this.#ended.resolve(), withinMs);
    await this.#ended.promise;
    clearTimeout(late);
    process.off('exit', this.#waitAtExit);
    void this.#worker.terminate();
  }

  #spawn(): Worker {
    const { log, stream } = this.#options;
    const start: LogWriterStart = {
      log,
      stream: { fd: stream.fd, isTTY: stream.isTTY },
      queues: this.#queues,
    };
    // The sources run as they are (.ts) and published as JavaScript (.js).
    const entry = `./log-writer-thread${extname(import.meta.filename)}`;
    const worker = new Worker(new URL(entry, import.meta.url), {
      name: 'log writer',
      workerData: start,
    });
    worker.on('error', (error) => this.#options.onTrouble(describeError(error)));
    worker.on('exit', () => this.#outlive());
    // The daemon lives by its listeners, not by this thread.
    worker.unref();
    return worker;
  }

  #outlive(): void {
    if (this.#isClosing) {
      this.#ended.resolve();
      return;
    }
    this.#restart = setTimeout(() => {
      this.#restart = undefined;
      this.#worker = this.#spawn();
    }, restartDelayMs);
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
