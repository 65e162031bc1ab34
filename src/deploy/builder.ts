/**
 * Edge: the builder thread, seen from the control plane. Modules are untrusted, so each has a time
 * limit; a module that takes longer, or makes the thread run out of memory, costs only that thread.
 */
import { Worker } from 'node:worker_threads';
import type { Limits } from '../config/config.ts';
import { describeError, TerrafirmaError, toErrorRecord } from '../errors.ts';
import type { Digest } from '../messages.ts';
import type { BuilderStart, BuildReply, BuildRequest, BuildVerdict } from './builder-messages.ts';

export interface BuilderOptions {
  readonly limits: Limits;
  /** How long one module may take. */
  readonly buildMsMax?: number;
  /** Callers waiting; each holds at most a file name until it is its turn. */
  readonly queuedBuildsMax?: number;
}

/** Several times what 64 MiB of code take, because the machine may be busy. */
const buildMsMaxDefault = 30_000;
const queuedBuildsMaxDefault = 4_096;
const threadHeapMib = 1_024;

export class Builder {
  readonly #limits: Limits;
  readonly #buildMsMax: number;
  readonly #queuedBuildsMax: number;
  #thread: Worker | undefined;
  #lastBuild: Promise<unknown> = Promise.resolve();
  #queuedBuilds = 0;
  #lastId = 0;
  #isClosed = false;

  constructor(options: BuilderOptions) {
    this.#limits = options.limits;
    this.#buildMsMax = options.buildMsMax ?? buildMsMaxDefault;
    this.#queuedBuildsMax = options.queuedBuildsMax ?? queuedBuildsMaxDefault;
  }

  /**
   * Builds what `read` gives, in turn: bytes are read only when the thread is free, so that a queue
   * of large modules does not fill the memory. They are the builder's from then on. Content in
   * `known` is only recognised.
   *
   * Throws TerrafirmaError: 'overloaded' when the queue is full, 'internal' when no thread can be
   * started, 'draining' when the builder is closed; and whatever `read` throws.
   */
  async build(
    read: () => Promise<Uint8Array<ArrayBuffer>>,
    known: ReadonlySet<Digest> = new Set(),
  ): Promise<BuildVerdict> {
    if (this.#queuedBuilds >= this.#queuedBuildsMax) {
      const rule = `at most ${this.#queuedBuildsMax} may wait`;
      throw new TerrafirmaError('overloaded', `Cannot judge the module now: ${rule}`);
    }
    this.#queuedBuilds += 1;
    const turn = async () => {
      if (this.#isClosed) throw new TerrafirmaError('draining');
      return await this.#run(await read(), known);
    };
    const result = this.#lastBuild.then(turn);
    this.#lastBuild = result.catch(() => undefined);
    try {
      return await result;
    } finally {
      this.#queuedBuilds -= 1;
    }
  }

  /** Ends the thread; what was being built fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#thread?.terminate();
    this.#thread = undefined;
  }

  async #run(bytes: Uint8Array<ArrayBuffer>, known: ReadonlySet<Digest>): Promise<BuildVerdict> {
    if (this.#isClosed) throw new TerrafirmaError('draining');
    this.#thread ??= await this.#startThread();
    if (this.#isClosed) {
      await this.close();
      throw new TerrafirmaError('draining');
    }
    this.#lastId += 1;
    return await this.#ask(this.#thread, { id: this.#lastId, bytes, known });
  }

  /** One question, one answer; the thread is given up when it fails or takes too long. */
  async #ask(thread: Worker, request: BuildRequest): Promise<BuildVerdict> {
    const { promise, resolve, reject } = Promise.withResolvers<BuildVerdict>();
    const giveUp = (received: string) => {
      this.#forget(thread);
      if (this.#isClosed) reject(new TerrafirmaError('draining'));
      const rule = `judging it takes at most ${this.#buildMsMax} ms and ${threadHeapMib} MiB`;
      const detail = `Cannot accept the module: ${rule}: received one that ${received}`;
      const error = toErrorRecord(new TerrafirmaError('module-refused', detail));
      resolve({ kind: 'refused', digest: undefined, error });
    };
    const onReply = (reply: BuildReply) => resolve(reply);
    const onError = (error: Error) => giveUp(`ended the thread: ${error.message}`);
    const onExit = () => giveUp('ended the thread');
    const timer = setTimeout(() => giveUp('took too long'), this.#buildMsMax);
    thread.on('message', onReply).on('error', onError).on('exit', onExit);
    thread.ref();
    thread.postMessage(request, [request.bytes.buffer]);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      thread.off('message', onReply).off('error', onError).off('exit', onExit);
      thread.unref();
      if (this.#thread !== thread) await thread.terminate();
    }
  }

  /** A thread that is ready. One that is not is no verdict on any module. */
  async #startThread(): Promise<Worker> {
    const isSource = import.meta.url.endsWith('.ts');
    const entry = new URL(`./builder-thread.${isSource ? 'ts' : 'js'}`, import.meta.url);
    const start: BuilderStart = { limits: this.#limits };
    const thread = new Worker(entry, {
      name: 'builder',
      workerData: start,
      resourceLimits: { maxOldGenerationSizeMb: threadHeapMib },
    });
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    const fail = (reason: string) =>
      reject(new TerrafirmaError('internal', `Cannot start the builder thread: ${reason}`));
    thread.once('message', () => resolve());
    // Between two modules nobody asks: a thread that fails then is replaced at the next question.
    thread.on('error', (error) => {
      this.#forget(thread);
      fail(describeError(error));
    });
    thread.on('exit', () => {
      this.#forget(thread);
      fail('it ended');
    });
    await ready;
    return thread;
  }

  #forget(thread: Worker): void {
    if (this.#thread === thread) this.#thread = undefined;
  }
}
