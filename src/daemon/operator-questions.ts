/** Questions to serving threads for whoever operates the daemon; one that is stuck is left out. */
import type { Worker } from 'node:worker_threads';
import type { ToThread } from '../threads/messages.ts';
import type { OperatorAnswer, OperatorQuestion } from '../threads/operator-messages.ts';

/** A thread that does not answer for so long has other troubles. */
const patienceMs = 1_000;

interface Asked {
  readonly resolve: (answer: OperatorAnswer | undefined) => void;
  readonly timer: NodeJS.Timeout;
}

export class OperatorQuestions {
  readonly #asked = new Map<number, Asked>();
  #nextId = 1;

  /** What those threads say that say something. */
  async ask(
    question: OperatorQuestion,
    threads: readonly Pick<Worker, 'postMessage'>[],
  ): Promise<readonly OperatorAnswer[]> {
    const answers = await Promise.all(threads.map((thread) => this.#askOne(question, thread)));
    return answers.filter((answer) => answer !== undefined);
  }

  take(id: number, answer: OperatorAnswer): void {
    this.#settle(id, answer);
  }

  #askOne(
    question: OperatorQuestion,
    thread: Pick<Worker, 'postMessage'>,
  ): Promise<OperatorAnswer | undefined> {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(id, undefined), patienceMs);
      this.#asked.set(id, { resolve, timer });
      const message: ToThread = { kind: 'operator-question', id, question };
      try {
        thread.postMessage(message);
      } catch {
        // As one that does not answer: the others still do.
        this.#settle(id, undefined);
      }
    });
  }

  #settle(id: number, answer: OperatorAnswer | undefined): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    clearTimeout(asked?.timer);
    asked?.resolve(answer);
  }
}
