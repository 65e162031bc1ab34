/**
 * Files compressed for the whole daemon, in a thread of their own: a serving thread would be held
 * up for as long as a thousand requests take. Owners take turns and share the memory for what is
 * kept.
 */
import type { Worker } from 'node:worker_threads';
import { OwnedCache } from '../../account/owned-cache.ts';
import { OwnerQueue } from '../../account/owner-queue.ts';
import type { CompressQuestion } from '../../threads/messages.ts';
import { entryBeside, startWorker } from '../../threads/worker.ts';
import type { CompressReply, CompressRequest } from './messages.ts';

export interface CompressorOptions {
  /** For what is kept. */
  readonly bytesMax: number;
  readonly nowMs: () => number;
  readonly onTrouble: (reason: string) => void;
  /** How long one file may take, in milliseconds. */
  readonly fileMsMax?: number;
}

const fileMsMaxDefault = 30_000;
/** Files that wait, each with its bytes. */
const queuedMax = 32;
const threadHeapMib = 64;
/** What saves less is not worth its while. */
const savedPartMin = 0.05;

interface Running {
  readonly id: number;
  readonly settle: (bytes: Uint8Array<ArrayBuffer> | undefined) => void;
}

export class Compressor {
  readonly #options: CompressorOptions;
  readonly #queue: OwnerQueue;
  readonly #kept: OwnedCache<string, Uint8Array<ArrayBuffer>>;
  #worker: Worker | undefined;
  #running: Running | undefined;
  #lastId = 0;
  #isClosed = false;

  constructor(options: CompressorOptions) {
    this.#options = options;
    this.#queue = new OwnerQueue({ runningMax: 1, queuedMax, nowMs: options.nowMs });
    this.#kept = new OwnedCache({
      max: options.bytesMax,
      sizeOf: (bytes) => bytes.length,
      dispose: () => undefined,
    });
  }

  /**
   * The file compressed; null where that makes it hardly smaller, or takes too long.
   *
   * @throws TerrafirmaError `overloaded` when too many wait.
   */
  async compress(question: CompressQuestion): Promise<Uint8Array<ArrayBuffer> | null> {
    const { key, owner } = question;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    return await this.#queue.pass(owner, async () => {
      // Another thread may have asked for the same in the meantime.
      const made = this.#kept.get(key) ?? (await this.#run(question));
      if (made === undefined) return null;
      if (made.length > question.bytes.length * (1 - savedPartMin)) return null;
      if (made.length <= this.#options.bytesMax) this.#kept.add(owner, key, made);
      return made;
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#running?.settle(undefined);
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  async #run({ bytes, coding }: CompressQuestion): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#isClosed) return undefined;
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Uint8Array<ArrayBuffer> | undefined>();
    this.#running = { id, settle: resolve };
    const timer = setTimeout(() => void worker.terminate(), this.#fileMsMax);
    const request: CompressRequest = { id, coding, bytes };
    worker.postMessage(request);
    const made = await promise;
    clearTimeout(timer);
    this.#running = undefined;
    return made;
  }

  get #fileMsMax(): number {
    return this.#options.fileMsMax ?? fileMsMaxDefault;
  }

  #start(): Worker {
    const worker = startWorker<CompressReply>(
      {
        entry: entryBeside(import.meta, './compress-thread'),
        name: 'compress',
        heapMib: threadHeapMib,
      },
      {
        onMessage: ({ id, bytes }) => {
          if (this.#running?.id === id) this.#running.settle(bytes);
        },
        onCrash: (reason) => this.#options.onTrouble(reason),
        onExit: () => {
          if (this.#worker === worker) this.#worker = undefined;
          this.#running?.settle(undefined);
        },
      },
    );
    // The daemon lives by its listeners, not by this thread.
    worker.unref();
    return worker;
  }
}
