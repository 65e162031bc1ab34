/** Functions of the canonical ABI by which guests handle tasks and what these wait for. */
import type { TaskTrampoline } from '../../../wasm/component/plan.ts';
import type { WasmValue } from '../../abi.ts';
import type { Hostcall } from '../../hostcall.ts';
import { type Steps, wait } from '../../steps.ts';
import { liftParams } from '../values.ts';
import { type BuiltInParts, blocked, handlesOf, waitForEvent } from './built-in-parts.ts';
import { bindEnd } from './end-built-ins.ts';
import { Subtask } from './subtask.ts';
import { type GuestEvent, noEvent, Waitable, WaitableSet } from './waitable.ts';

const backpressureMax = 2 ** 16 - 1;

type Of<K extends TaskTrampoline['kind']> = Extract<TaskTrampoline, { readonly kind: K }>;

export function bindTaskFunction(parts: BuiltInParts, trampoline: TaskTrampoline): Hostcall {
  switch (trampoline.kind) {
    case 'task.return':
      return bindReturn(parts, trampoline);
    case 'subtask.cancel':
      return bindSubtaskCancel(parts, trampoline);
    case 'waitable-set.wait':
    case 'waitable-set.poll':
      return bindSetWait(parts, trampoline);
    case 'task.cancel':
    case 'backpressure.inc':
    case 'backpressure.dec':
    case 'thread.yield':
      return bindTask(parts, trampoline.kind, trampoline.instance);
    case 'waitable-set.new':
    case 'waitable-set.drop':
    case 'waitable.join':
    case 'subtask.drop':
      return bindHandles(parts, trampoline.kind, trampoline.instance);
    default:
      return bindEnd(parts, trampoline);
  }
}

function bindReturn(parts: BuiltInParts, { result, options }: Of<'task.return'>): Hostcall {
  const { guest, prepared } = parts;
  const params = result === undefined ? [] : [{ name: 'result', type: result }];
  const lifted = prepared.prepare({ params, result: undefined });
  const crossing = parts.crossing(options);
  const key = prepared.keys.of(result);
  const call = (...flat: WasmValue[]): void => {
    const { task } = guest.tasks;
    const { facts } = task;
    if (!facts.isAsync)
      guest.trap('Cannot return: the function answers by its result: received a call');
    // Without a memory there is nothing that lies in one.
    const isMemory = options.memory === undefined || facts.memory === options.memory;
    const isSame = facts.encoding === options.encoding && isMemory;
    if (facts.resultKey !== key || !isSame) {
      guest.trap('Cannot return: it must be what the function answers: received another type');
    }
    crossing.begin(task.borrowing);
    const [value] = liftParams(crossing, lifted, flat);
    task.resolve(value);
  };
  return { waits: false, call };
}

function bindTask(
  { guest }: BuiltInParts,
  kind: 'task.cancel' | 'backpressure.inc' | 'backpressure.dec' | 'thread.yield',
  instance: number,
): Hostcall {
  const { tasks } = guest;
  if (kind === 'task.cancel') {
    const cancel = (): void => {
      if (!tasks.task.facts.isAsync) {
        guest.trap('Cannot cancel the task: an async one: received one that is not');
      }
      tasks.task.cancel();
    };
    return { waits: false, call: cancel };
  }
  if (kind === 'thread.yield') {
    const isWoken = (): boolean => true;
    function* pause(): Steps<number> {
      yield* wait(tasks.yield(isWoken));
      return 0;
    }
    return { waits: true, call: pause };
  }
  const change = kind === 'backpressure.inc' ? 1 : -1;
  const add = (): void => {
    guest.requireRun();
    const state = tasks.state(instance);
    state.backpressure += change;
    if (state.backpressure >= 0 && state.backpressure <= backpressureMax) return;
    guest.trap(`Cannot change the backpressure: 0 to ${backpressureMax}: received one beyond`);
  };
  return { waits: false, isOpenWithin: true, call: add };
}

function bindHandles(
  { guest }: BuiltInParts,
  kind: 'waitable-set.new' | 'waitable-set.drop' | 'waitable.join' | 'subtask.drop',
  instance: number,
): Hostcall {
  const handles = handlesOf(guest, instance);
  switch (kind) {
    case 'waitable-set.new':
      return {
        waits: false,
        call: () => {
          guest.requireRun();
          return handles.addForTask(new WaitableSet());
        },
      };
    case 'waitable-set.drop': {
      const drop = (index: number): void => {
        const set = handles.find(index, WaitableSet);
        if (!set.isEmpty || set.waiting > 0) {
          guest.trap('Cannot drop the set: it is empty and not waited for: received one in use');
        }
        handles.remove(index);
      };
      return { waits: false, call: drop };
    }
    case 'waitable.join': {
      const join = (index: number, setIndex: number): void => {
        const waitable = handles.find(index, Waitable);
        if (waitable.isAwaited)
          guest.trap('Cannot join: nobody waits for it alone: received one that is');
        waitable.join(setIndex === 0 ? undefined : handles.find(setIndex, WaitableSet));
      };
      return { waits: false, call: join };
    }
    default: {
      const drop = (index: number): void => {
        const subtask = handles.find(index, Subtask);
        if (!subtask.isDelivered) {
          guest.trap('Cannot drop the subtask: its end is known: received one under way');
        }
        handles.remove(index);
        subtask.drop();
      };
      return { waits: false, call: drop };
    }
  }
}

function bindSetWait(
  { guest, crossing }: BuiltInParts,
  { kind, options }: Of<'waitable-set.wait' | 'waitable-set.poll'>,
): Hostcall {
  const handles = handlesOf(guest, options.instance);
  const place = crossing(options);
  const give = ([code, handle, payload]: GuestEvent, ptr: number): number => {
    const address = ptr >>> 0;
    place.requireAligned(address, 4);
    place.memory.writeU32(address, handle);
    place.memory.writeU32(address + 4, payload);
    return code;
  };
  if (kind === 'waitable-set.poll') {
    const poll = (index: number, ptr: number): number => {
      const set = handles.find(index, WaitableSet);
      return give(set.hasEvent ? set.takeEvent() : noEvent, ptr);
    };
    return { waits: false, call: poll };
  }
  function* waitForEvent(index: number, ptr: number): Steps<number> {
    const set = handles.find(index, WaitableSet);
    set.waiting += 1;
    if (!set.hasEvent) yield* wait(guest.tasks.block(() => set.hasEvent));
    set.waiting -= 1;
    return give(set.takeEvent(), ptr);
  }
  return { waits: true, call: waitForEvent };
}

function bindSubtaskCancel(
  { guest }: BuiltInParts,
  { isAsync, instance }: Of<'subtask.cancel'>,
): Hostcall {
  const handles = handlesOf(guest, instance);
  function* cancel(index: number): Steps<number> {
    const subtask = handles.find(index, Subtask);
    if (subtask.isDelivered || subtask.isCancelWanted) {
      guest.trap('Cannot cancel the subtask: once, before its end is known: received another call');
    }
    if (subtask.isInSet && !isAsync) {
      guest.trap('Cannot wait for the subtask: not one of a set: received one that is');
    }
    if (!subtask.isResolved) {
      const asked = subtask.cancel();
      if (asked !== undefined) yield* wait(asked);
    }
    if (!subtask.isResolved) {
      if (isAsync) return blocked;
      yield* waitForEvent(guest, subtask);
    }
    subtask.takeEvent();
    return subtask.state;
  }
  return { waits: true, call: cancel };
}
