/** Calls of async functions from one component instance of a program to another. */
import type { GuestHost, WasmValue } from '../../abi.ts';
import { type Steps, wait } from '../../steps.ts';
import type { Crossing } from '../crossing.ts';
import type { ComponentGuest } from '../guest.ts';
import { Borrowing } from '../handles.ts';
import type { PreparedFunction } from '../prepared.ts';
import { liftParams, lowerResult } from '../values.ts';
import { type LiftedFunction, runTask } from './run-task.ts';
import { Subtask, subtaskStates } from './subtask.ts';
import { Task, type TaskFacts } from './task.ts';
import { Thread } from './threads.ts';

export interface TaskCallParts {
  readonly guest: ComponentGuest;
  readonly host: GuestHost;
  /** As the caller has lowered it. */
  readonly prepared: PreparedFunction;
  readonly caller: Crossing;
  /** Whether the caller goes on beside it. */
  readonly isAsync: boolean;
  /** Component instances that the call enters; see `InstanceTree`. */
  readonly entered: readonly number[];
  readonly facts: TaskFacts;
  /** Found when it is called: its core may still be to come before. */
  readonly lifted: () => LiftedFunction;
}

/** One call under way. */
class TaskCall {
  readonly subtask: Subtask;
  readonly #parts: TaskCallParts;
  readonly #flat: readonly WasmValue[];
  readonly #borrowing = new Borrowing();
  readonly #thread: Thread;
  #answer: WasmValue | undefined;

  constructor(parts: TaskCallParts, flat: readonly WasmValue[]) {
    this.#parts = parts;
    this.#flat = flat;
    const task = new Task(parts.facts, {
      onResolve: (answer) => this.#resolve(answer),
      borrowing: this.#borrowing,
    });
    this.#thread = new Thread(task, parts.entered);
    this.subtask = new Subtask({
      state: subtaskStates.starting,
      cancel: () => this.#cancel(),
      onEvent: (isAwaited) => parts.guest.tasks.threads.poke(isAwaited),
    });
  }

  /** What a caller that waits for it is answered. */
  get answer(): WasmValue | undefined {
    return this.#answer;
  }

  /** Who is in the way of it, and could go on until it is not. */
  get obstacle(): Thread | undefined {
    const { exclusive } = this.#parts.facts.instance;
    const isInTheWay = this.#thread.task.needsExclusive && exclusive instanceof Thread;
    return isInTheWay && exclusive.blocked?.isReady() === true ? exclusive : undefined;
  }

  /** Until it blocks or ends. */
  begin(): Promise<void> {
    const { guest, host, lifted } = this.#parts;
    const { tasks } = guest;
    const thread = this.#thread;
    guest.requireApart(this.#parts.entered);
    const { componentTasksPerRunMax } = guest.run.limits;
    if (tasks.threads.waitingCount >= componentTasksPerRunMax) {
      const rule = `at most ${componentTasksPerRunMax} tasks that wait`;
      guest.trap(`Cannot call a component: ${rule}: received one more`);
    }
    const run = { host, tasks, lifted: lifted(), thread, values: () => this.#start() };
    return tasks.threads.start(thread, () => host.runBeside(async () => runTask(run)));
  }

  /** The caller knows that it is over. */
  end(): void {
    this.#borrowing.end();
    this.subtask.deliverNow();
  }

  #start(): readonly unknown[] {
    const { caller, prepared } = this.#parts;
    this.subtask.start();
    caller.begin(this.#borrowing);
    return liftParams(caller, prepared, this.#flat);
  }

  #resolve(answer: { readonly value: unknown } | undefined): void {
    if (answer === undefined) {
      this.subtask.resolveCancelled(() => this.#borrowing.end());
      return;
    }
    const { caller, prepared } = this.#parts;
    caller.begin(this.#borrowing);
    this.#answer = lowerResult(caller, prepared, { value: answer.value, flat: this.#flat });
    this.subtask.resolve(() => this.#borrowing.end());
  }

  #cancel(): Promise<void> | undefined {
    const { guest, entered } = this.#parts;
    const isApart = !entered.some((each) => guest.tasks.isEntered(each));
    return guest.tasks.cancel(this.#thread, isApart);
  }
}

/** On the caller's turn. Answers its result, or what became of it so far where that goes on. */
export function* callTask(
  parts: TaskCallParts,
  flat: readonly WasmValue[],
): Steps<WasmValue | undefined> {
  const { guest, isAsync, caller } = parts;
  guest.requireRun();
  const call = new TaskCall(parts, flat);
  const { subtask } = call;
  const { obstacle } = call;
  if (obstacle !== undefined) yield* wait(guest.tasks.threads.resume(obstacle));
  yield* wait(call.begin());
  if (!isAsync) {
    if (!subtask.isResolved) yield* wait(guest.tasks.block(() => subtask.isResolved));
    call.end();
    return call.answer;
  }
  if (!subtask.isResolved) return subtask.publish(caller.handles.addForTask(subtask));
  call.end();
  return subtaskStates.returned;
}
