/** Runs a function that a guest exports as a task (CanonicalABI.md, `canon_lift`). */
import type { CallEntry, GuestFunction, GuestHost, HostcallResult } from '../../abi.ts';
import type { Crossing } from '../crossing.ts';
import type { PreparedFunction } from '../prepared.ts';
import { liftResult, lowerParams } from '../values.ts';
import type { GuestTasks } from './guest-tasks.ts';
import type { Task } from './task.ts';
import type { Thread, Woken } from './threads.ts';
import { cancelledEvent, type GuestEvent, noEvent, WaitableSet } from './waitable.ts';

/** What a callback says that it wants (CanonicalABI.md, "CallbackCode"). */
const callbackCodes = { exit: 0, yield: 1, wait: 2 } as const;
const codeMask = 0xf;
const setShift = 4;

export interface LiftedFunction {
  readonly prepared: PreparedFunction;
  readonly crossing: Crossing;
  readonly func: GuestFunction;
  readonly callback: GuestFunction | undefined;
  readonly postReturn: GuestFunction | undefined;
}

export interface TaskParts {
  readonly host: GuestHost;
  readonly tasks: GuestTasks;
  readonly lifted: LiftedFunction;
  readonly thread: Thread;
  /** What it is called with, taken when it starts. */
  readonly start: () => readonly unknown[];
}

/**
 * Until its code has ended: its answer may leave before. Undefined where it has. Rejects when it
 * trapped or was ended.
 *
 * @throws where it could not be called
 */
export function runTask(parts: TaskParts): Promise<void> | undefined {
  const entering = enter(parts);
  if (entering !== undefined) return runEntered(parts, entering);
  const answer = begin(parts);
  const { task } = parts.thread;
  if (task.facts.isAsync || answer instanceof Promise) return runRest(parts, answer);
  finishSync(parts, answer);
  return undefined;
}

async function runEntered(parts: TaskParts, entering: Promise<boolean>): Promise<void> {
  if (await entering) await runRest(parts, begin(parts));
}

/** Calls its code. */
function begin({ host, tasks, lifted, thread, start }: TaskParts): ReturnType<CallEntry> {
  const { task } = thread;
  const call = tasks.call ?? host.trap('Cannot call an async function: the start is not over');
  task.state = 'started';
  const values = start();
  lifted.crossing.begin(task.borrowing);
  return call(lifted.func, ...lowerParams(lifted.crossing, lifted.prepared, values));
}

async function runRest(parts: TaskParts, begun: ReturnType<CallEntry>): Promise<void> {
  const { host, tasks, lifted, thread } = parts;
  const { task } = thread;
  const answer = begun instanceof Promise ? await begun : begun;
  if (!task.facts.isAsync) return finishSync(parts, answer);
  const call = tasks.call ?? host.trap('Cannot go on: the run is over');
  if (lifted.callback !== undefined) {
    const { instance } = task.facts;
    // Not in functions of their own: each that waits would be kept for as long as the guest waits.
    for (let packed = Number(answer); isUnderWay(packed); ) {
      instance.exclusive = undefined;
      const { work, set } = waitFor(parts, packed);
      const event = eventOf(set, work === undefined ? 'ready' : await tasks.wait(work));
      instance.exclusive = thread;
      const next = call(lifted.callback, ...event);
      packed = Number(next instanceof Promise ? await next : next);
    }
  }
  end(parts);
}

/** Undefined where it may start at once. A promise of false: it was cancelled before it could. */
function enter(parts: TaskParts): Promise<boolean> | undefined {
  const { task } = parts.thread;
  const { instance, mayBlock } = task.facts;
  if (!mayBlock) return undefined;
  if (isHeld(task) || instance.waitingToEnter > 0) return enterLater(parts);
  if (task.needsExclusive) instance.exclusive = parts.thread;
  return undefined;
}

function isHeld({ facts: { instance }, needsExclusive }: Task): boolean {
  return instance.backpressure > 0 || (needsExclusive && instance.exclusive !== undefined);
}

async function enterLater({ tasks, thread }: TaskParts): Promise<boolean> {
  const { task } = thread;
  const { instance } = task.facts;
  instance.waitingToEnter += 1;
  const woken = await tasks.wait(tasks.threads.block(() => !isHeld(task), true));
  instance.waitingToEnter -= 1;
  if (woken === 'cancelled') {
    task.cancel();
    return false;
  }
  if (task.needsExclusive) instance.exclusive = thread;
  return true;
}

function finishSync(parts: TaskParts, answer: HostcallResult): void {
  const { host, lifted } = parts;
  const { task } = parts.thread;
  const given = answer ?? 0;
  lifted.crossing.begin(task.borrowing);
  task.resolve(liftResult(lifted.crossing, lifted.prepared, given));
  if (lifted.postReturn !== undefined) host.callGuest(lifted.postReturn, given);
  end(parts);
}

/** Its code has ended. */
function end({ host, thread: { task } }: TaskParts): void {
  if (!task.isResolved)
    host.trap('Cannot end the task: it has returned: received one that has not');
  if (task.needsExclusive) task.facts.instance.exclusive = undefined;
}

function isUnderWay(packed: number): boolean {
  return (packed & codeMask) !== callbackCodes.exit;
}

interface EventWait {
  /** Undefined where the event is there and nobody else would go on before. */
  readonly work: Promise<Woken> | undefined;
  /** Undefined where it lets others go on, and waits for nothing. */
  readonly set: WaitableSet | undefined;
}

/** Begins to wait for what the guest says that it wants. */
function waitFor({ host, tasks, lifted, thread }: TaskParts, packed: number): EventWait {
  const { instance } = thread.task.facts;
  const isFree = (): boolean => instance.exclusive === undefined;
  const code = packed & codeMask;
  if (code === callbackCodes.yield) return { work: tasks.yield(isFree, true), set: undefined };
  if (code !== callbackCodes.wait) {
    host.trap(`Cannot go on: a callback answers 0, 1 or 2: received ${code}`);
  }
  const set = lifted.crossing.handles.find(packed >>> setShift, WaitableSet);
  set.waiting += 1;
  const isReady = (): boolean => isFree() && set.hasEvent;
  const goesOn = tasks.threads.goesOn(isReady) && host.mayGoOn();
  return { work: goesOn ? undefined : tasks.threads.block(isReady, true), set };
}

function eventOf(set: WaitableSet | undefined, woken: Woken): GuestEvent {
  if (set !== undefined) set.waiting -= 1;
  if (woken === 'cancelled') return cancelledEvent;
  return set === undefined ? noEvent : set.takeEvent();
}
