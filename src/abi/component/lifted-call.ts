/** A function that a component exports, as the host calls it (CanonicalABI.md, "canon lift"). */
import type { PlannedExport } from '../../wasm/component/plan.ts';
import type { CallEntry } from '../abi.ts';
import type { ComponentGuest } from './guest.ts';
import type { PreparedComponent } from './prepared.ts';
import { type LiftedFunction, runTask } from './tasks/run-task.ts';
import { type Asker, Task, type TaskFacts } from './tasks/task.ts';
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
   * Calls it with values as `codec.ts` has them: such a value where its code has ended, or a
   * promise of one, which rejects when the guest trapped or was ended.
   *
   * @throws where it could not be called
   */
  run(call: CallEntry, values: readonly unknown[], listener?: CallListener): unknown {
    const { guest, trampolines } = this.#parts;
    const { host, tasks } = guest;
    const { func, type, options } = this.#export;
    this.#lifted ??= trampolines.lifted(type, func, options);
    this.#facts ??= trampolines.facts(type, options);
    const answered = new Answered(listener);
    const task = new Task(this.#facts, answered);
    const thread = new Thread(task, this.#entered);
    this.#thread = thread;
    tasks.call = call;
    tasks.threads.begin(thread);
    const running = runTask({ host, tasks, lifted: this.#lifted, thread, values });
    if (running !== undefined) return running.then(() => this.#end(thread, answered));
    return this.#end(thread, answered);
  }

  #end(thread: Thread, answered: Answered): unknown {
    const { tasks } = this.#parts.guest;
    const rest = tasks.threads.end(thread);
    return rest === undefined ? answered.end() : tasks.wait(rest).then(() => answered.end());
  }

  /** Tells it that nobody wants its answer; false where it does not listen, or has answered. */
  cancel(): boolean {
    const thread = this.#thread;
    if (thread === undefined || thread.task.isResolved || !thread.task.facts.isAsync) return false;
    void this.#parts.guest.tasks.cancel(thread);
    return true;
  }
}

/** What a call has answered. */
class Answered implements Asker {
  readonly #listener: CallListener | undefined;
  #value: unknown;

  constructor(listener: CallListener | undefined) {
    this.#listener = listener;
  }

  onResolve(answer: { readonly value: unknown } | undefined): void {
    this.#value = answer?.value;
    if (answer !== undefined) this.#listener?.onAnswer(answer.value);
  }

  end(): unknown {
    this.#listener?.onEnd();
    return this.#value;
  }
}
