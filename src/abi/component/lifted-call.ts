/** A function that a component exports, as the host calls it (CanonicalABI.md, "canon lift"). */
import type { PlannedExport } from '../../wasm/component/plan.ts';
import type { CallEntry } from '../abi.ts';
import type { ComponentGuest } from './guest.ts';
import type { PreparedComponent } from './prepared.ts';
import { type LiftedFunction, runTask } from './tasks/run-task.ts';
import { Task, type TaskFacts } from './tasks/task.ts';
import { Thread } from './tasks/threads.ts';
import type { Trampolines } from './trampolines.ts';

/** Of one instance. */
export interface LiftedCallParts {
  readonly guest: ComponentGuest;
  readonly prepared: PreparedComponent;
  readonly trampolines: Trampolines;
}

export interface CallListener {
  /** It has answered, which may be long before its code has ended. */
  onAnswer(value: unknown): void;
  /** Its code has ended. What this throws the call rejects with. */
  onEnd(): void;
}

export class LiftedCall {
  readonly #parts: LiftedCallParts;
  readonly #export: PlannedExport;
  /** Found when it is first called: its core is there by then. */
  #lifted: LiftedFunction | undefined;
  #facts: TaskFacts | undefined;
  readonly #entered: readonly number[];
  /** Of the last call. */
  #thread: Thread | undefined;

  constructor(parts: LiftedCallParts, exported: PlannedExport) {
    this.#parts = parts;
    this.#export = exported;
    this.#entered = parts.prepared.enteredByHost(exported.options.instance);
  }

  /**
   * Calls it with values as `codec.ts` has them; answers such a value when its code has ended.
   * Rejects when the guest trapped or was ended.
   */
  async run(
    call: CallEntry,
    values: readonly unknown[],
    listener?: CallListener,
  ): Promise<unknown> {
    const { guest, trampolines } = this.#parts;
    const { host, tasks } = guest;
    const { func, type, options } = this.#export;
    this.#lifted ??= trampolines.lifted(type, func, options);
    this.#facts ??= trampolines.facts(type, options);
    let answer: unknown;
    const task = new Task(this.#facts, {
      onResolve: (resolved) => {
        answer = resolved?.value;
        if (resolved !== undefined) listener?.onAnswer(answer);
      },
    });
    const thread = new Thread(task, this.#entered);
    this.#thread = thread;
    tasks.call = call;
    tasks.threads.begin(thread);
    await runTask({ host, tasks, lifted: this.#lifted, thread, start: () => values });
    const rest = tasks.threads.end(thread);
    if (rest !== undefined) await tasks.wait(rest);
    listener?.onEnd();
    return answer;
  }

  /** Tells it that nobody wants its answer; false where it does not listen, or has answered. */
  cancel(): boolean {
    const thread = this.#thread;
    if (thread === undefined || thread.task.isResolved || !thread.task.facts.isAsync) return false;
    void this.#parts.guest.tasks.cancel(thread);
    return true;
  }
}
