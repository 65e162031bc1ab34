/**
 * Programs of the suite in a thread of their own, because one that spins would hold ours for ever:
 * nothing of the daemon's metering is in the way. Edge: starts threads.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** For one program; those that are slow on purpose sleep for a second or two. */
export const caseMsMax = 20_000;

export class CaseThread implements AsyncDisposable {
  readonly #msMax: number;
  #worker: Worker | undefined;

  constructor(msMax = caseMsMax) {
    this.#msMax = msMax;
  }

  /** Undefined when the program does what its specification says; otherwise what it did. */
  async check(wasmPath: string): Promise<string | undefined> {
    this.#worker ??= new Worker(new URL('./case-thread.ts', import.meta.url));
    const worker = this.#worker;
    const give = new AbortController();
    const { signal } = give;
    const late = setTimeout(() => give.abort(), this.#msMax);
    worker.postMessage(wasmPath);
    try {
      const [fault] = await once(worker, 'message', { signal });
      return fault;
    } catch (error) {
      await this[Symbol.asyncDispose]();
      if (signal.aborted) return `no end within ${this.#msMax} ms`;
      return `its thread ended: ${String(error)}`;
    } finally {
      clearTimeout(late);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}
