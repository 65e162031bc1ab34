/** A serving thread's line to the control plane: questions with answers, and news. */
import type { MessagePort } from 'node:worker_threads';
import { fromErrorRecord, TerrafirmaError } from '../errors.ts';
import type { Answers, Question, ToControl, ToThread } from './messages.ts';

interface Waiting {
  readonly resolve: (value: Answers[keyof Answers]) => void;
  readonly reject: (error: TerrafirmaError) => void;
  readonly timer: NodeJS.Timeout;
}

export interface ControlLinkOptions {
  /** How long the control plane takes for an answer; by then it says what it has not. */
  readonly verdictWaitMs: number;
  readonly onNews: (news: Exclude<ToThread, { kind: 'answer' | 'failure' }>) => void;
}

/** After this it does not answer any more. */
const silentMs = 1_000;

export class ControlLink {
  readonly #port: Pick<MessagePort, 'postMessage'>;
  readonly #options: ControlLinkOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #joined = new Map<string, Promise<Answers[keyof Answers]>>();
  #nextId = 1;

  constructor(port: Pick<MessagePort, 'postMessage'>, options: ControlLinkOptions) {
    this.#port = port;
    this.#options = options;
  }

  /**
   * Asks the control plane. Equal questions under way are joined by `key`. Rejects with the
   * control plane's failure, or `no-verdict` when it stays silent for longer than `waitMs`.
   */
  ask<A extends Question['ask']>(
    question: Question & { readonly ask: A },
    key: string,
    options: { readonly waitMs?: number } = {},
  ): Promise<Answers[A]> {
    const underWay = this.#joined.get(key);
    if (underWay !== undefined) return underWay as Promise<Answers[A]>;
    const { waitMs = this.#options.verdictWaitMs + silentMs } = options;
    const answer = this.#send(question, waitMs).finally(() => this.#joined.delete(key));
    this.#joined.set(key, answer);
    return answer as Promise<Answers[A]>;
  }

  tell(message: ToControl): void {
    this.#port.postMessage(message);
  }

  receive(message: ToThread): void {
    if (message.kind !== 'answer' && message.kind !== 'failure') {
      this.#options.onNews(message);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.kind === 'answer') waiting.resolve(message.value);
    else waiting.reject(fromErrorRecord(message.error));
  }

  #send(question: Question, waitMs: number): Promise<Answers[keyof Answers]> {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new TerrafirmaError('no-verdict'));
      }, waitMs);
      this.#waiting.set(id, { resolve, reject, timer });
      this.tell({ kind: 'question', id, question });
    });
  }
}
