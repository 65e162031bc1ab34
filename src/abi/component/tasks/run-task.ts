/** Runs a function that a guest exports as a task (CanonicalABI.md, `canon_lift`). */
import type { GuestFunction, GuestHost, HostcallResult, WasmValue } from '../../abi.ts';
import type { Crossing } from '../crossing.ts';
import type { PreparedFunction } from '../prepared.ts';
import { liftResult, lowerParams } from '../values.ts';
import type { GuestTasks } from './guest-tasks.ts';
import type { InstanceState, Task } from './task.ts';
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
  /** What it is called with; a function takes it when it starts. */
  readonly values: readonly unknown[] | (() => readonly unknown[]);
}

/**
 * Undefined: its code has ended. Its answer may leave before.
 *
 * @throws when it trapped or was ended, or rejects where it had to wait
 */
export function runTask(parts: TaskParts): Promise<void> | undefined {
  const entering = enter(parts);
  if (entering === undefined) return start(parts);
  return entering.then((isIn) => (isIn ? start(parts) : undefined));
}

function start(parts: TaskParts): Promise<void> | undefined {
  const { host, tasks, lifted, thread } = parts;
  const { task } = thread;
  const call = tasks.call ?? host.trap('Cannot call an async function: the start is not over');
  task.state = 'started';
  const values = typeof parts.values === 'function' ? parts.values() : parts.values;
  lifted.crossing.begin(task.borrowing);
  const answer = call(lifted.func, ...lowerParams(lifted.crossing, lifted.prepared, values));
  const pause = answer instanceof Promise ? answer : goOn(parts, answer);
  if (pause !== undefined) return follow(parts, pause);
  end(parts);
  return undefined;
}

/** What must come before a line goes on: the guest comes back, or has its event. */
type Pause = Promise<HostcallResult> | EventWait;

function follow(parts: TaskParts, pause: Pause): Promise<void> {
  const { lifted, thread } = parts;
  const isLast = !thread.task.facts.isAsync || lifted.callback === undefined;
  if (!isLast || !(pause instanceof Promise)) return followAll(parts, pause);
  // When it has come back its code has ended. Without an async function, which takes 200 bytes.
  return pause.then((answered) => {
    goOn(parts, answered);
    end(parts);
  });
}

/** The only function that is kept for as long as the guest waits. */
async function followAll(parts: TaskParts, pause: Pause): Promise<void> {
  for (let before: Pause | undefined = pause; before !== undefined; ) {
    const answer =
      before instanceof Promise
        ? before
        : callBack(parts, before.set, await parts.tasks.wait(before.work));
    before = goOn(parts, answer instanceof Promise ? await answer : answer);
  }
  end(parts);
}

/** The guest has come back. Undefined: its code has ended. */
function goOn(parts: TaskParts, answered: HostcallResult): Pause | undefined {
  const { lifted, thread } = parts;
  const { isAsync, instance } = thread.task.facts;
  if (!isAsync) finishSync(parts, answered ?? 0);
  if (!isAsync || lifted.callback === undefined) return undefined;
  for (let packed = Number(answered); isUnderWay(packed); ) {
    instance.exclusive = undefined;
    const wait = waitFor(parts, packed);
    if (wait.work !== undefined) return wait;
    const answer = callBack(parts, wait.set, 'ready');
    if (answer instanceof Promise) return answer;
    packed = Number(answer);
  }
  return undefined;
}

/** Undefined of a set: the guest had let others go on. */
function callBack(
  { host, tasks: { call }, lifted: { callback }, thread }: TaskParts,
  set: WaitableSet | undefined,
  woken: Woken,
): HostcallResult | Promise<HostcallResult> {
  const event = eventOf(set, woken);
  thread.task.facts.instance.exclusive = thread;
  if (call === undefined || callback === undefined) return host.trap('Cannot go on: no callback');
  return call(callback, ...event);
}

function end({ host, thread }: TaskParts): void {
  const { task } = thread;
  if (!task.isResolved)
    host.trap('Cannot end the task: it has returned: received one that has not');
  if (task.needsExclusive) task.facts.instance.exclusive = undefined;
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

function finishSync({ host, lifted, thread: { task } }: TaskParts, answer: WasmValue): void {
  lifted.crossing.begin(task.borrowing);
  task.resolve(liftResult(lifted.crossing, lifted.prepared, answer));
  if (lifted.postReturn !== undefined) host.callGuest(lifted.postReturn, answer);
}

function isUnderWay(packed: number): boolean {
  return (packed & codeMask) !== callbackCodes.exit;
}

interface EventWait {
  readonly work: Promise<Woken>;
  /** Undefined where it lets others go on, and waits for nothing. */
  readonly set: WaitableSet | undefined;
}

/** Without work: the event is there, and nobody else would go on before. */
type Wanted = EventWait | { readonly work: undefined; readonly set: WaitableSet };

function isFree({ exclusive }: InstanceState): boolean {
  return exclusive === undefined;
}

/** Not within `waitFor`: its functions would keep one more for each guest that waits. */
function yieldTo(tasks: GuestTasks, instance: InstanceState): Promise<Woken> {
  return tasks.yield(() => isFree(instance), true);
}

/** Begins to wait for what the guest says that it wants. */
function waitFor({ host, tasks, lifted, thread }: TaskParts, packed: number): Wanted {
  const { instance } = thread.task.facts;
  const code = packed & codeMask;
  if (code === callbackCodes.yield) return { work: yieldTo(tasks, instance), set: undefined };
  if (code !== callbackCodes.wait) {
    host.trap(`Cannot go on: a callback answers 0, 1 or 2: received ${code}`);
  }
  const set = lifted.crossing.handles.find(packed >>> setShift, WaitableSet);
  set.waiting += 1;
  const isReady = (): boolean => isFree(instance) && set.hasEvent;
  const goesOn = tasks.threads.goesOn(isReady) && host.mayGoOn();
  return { work: goesOn ? undefined : tasks.threads.block(isReady, true), set };
}

function eventOf(set: WaitableSet | undefined, woken: Woken): GuestEvent {
  if (set !== undefined) set.waiting -= 1;
  if (woken === 'cancelled') return cancelledEvent;
  return set === undefined ? noEvent : set.takeEvent();
}
