/** Calls at their time that serving threads have been given, until each says how it ended. */
import type { Worker } from 'node:worker_threads';
import { TerrafirmaError } from '../../errors.ts';
import type { CronEnd, CronOrder, ToThread } from '../../threads/messages.ts';

interface CallingThread {
  readonly worker: Pick<Worker, 'postMessage'>;
  readonly isListening: boolean;
}

interface Call {
  readonly thread: CallingThread;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (end: CronEnd) => void;
  readonly reject: (error: Error) => void;
}

export class CallsAtTheirTime {
  readonly #calls = new Map<number, Call>();
  #nextId = 1;

  /** Rejects with TerrafirmaError `no-verdict` when nobody says how it ended. */
  begin(order: CronOrder, threads: readonly CallingThread[], limitMs: number): Promise<CronEnd> {
    const listening = threads.filter(({ isListening }) => isListening);
    const id = this.#nextId;
    this.#nextId += 1;
    const thread = listening[id % listening.length];
    if (thread === undefined) return Promise.reject(new TerrafirmaError('no-verdict'));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#giveUp(id), limitMs);
      this.#calls.set(id, { thread, timer, resolve, reject });
      const message: ToThread = { kind: 'cron', id, order };
      thread.worker.postMessage(message);
    });
  }

  end(id: number, end: CronEnd): void {
    this.#take(id)?.resolve(end);
  }

  /** The thread is gone, and what it was doing nobody knows. */
  forget(thread: CallingThread): void {
    for (const [id, call] of this.#calls) if (call.thread === thread) this.#giveUp(id);
  }

  #giveUp(id: number): void {
    this.#take(id)?.reject(new TerrafirmaError('no-verdict'));
  }

  #take(id: number): Call | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    clearTimeout(call?.timer);
    return call;
  }
}
