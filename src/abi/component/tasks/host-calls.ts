/** Calls of async functions of the host: the guest goes on beside them, or waits. */
import type { WasmValue } from '../../abi.ts';
import type { Hostcall } from '../../hostcall.ts';
import { type Steps, wait } from '../../steps.ts';
import type { Crossing } from '../crossing.ts';
import type { ComponentGuest } from '../guest.ts';
import { HostWork } from '../host-work.ts';
import type { PreparedImport } from '../prepared.ts';
import { liftParams, lowerResult } from '../values.ts';
import { Subtask, subtaskStates } from './subtask.ts';

export interface HostCallParts {
  readonly guest: ComponentGuest;
  readonly prepared: PreparedImport;
  readonly crossing: Crossing;
  readonly act: (...args: unknown[]) => unknown;
}

/** @param isAsync The guest goes on, and is told when it is done. */
export function bindAsyncHostCall(parts: HostCallParts, isAsync: boolean): Hostcall {
  if (!isAsync) return { waits: true, call: (...flat: WasmValue[]) => callAndWait(parts, flat) };
  return { waits: false, call: (...flat: WasmValue[]) => callBeside(parts, flat) };
}

function begin({ guest, prepared, crossing, act }: HostCallParts, flat: WasmValue[]): unknown {
  guest.requireRun();
  crossing.beginHostCall();
  return act(...liftParams(crossing, prepared, flat));
}

function* callAndWait(parts: HostCallParts, flat: WasmValue[]): Steps<WasmValue | undefined> {
  const { guest, prepared, crossing } = parts;
  const { threads } = guest.tasks;
  let value = begin(parts, flat);
  if (value instanceof HostWork) {
    const isOver = threads.expect();
    let isDone = false;
    const onDone = (): void => {
      isDone = true;
      isOver();
      threads.poke();
    };
    const { done } = value;
    done.then(onDone, onDone);
    yield* wait(guest.tasks.block(() => isDone));
    value = yield* wait(done);
  }
  crossing.begin();
  return lowerResult(crossing, prepared, { value, flat });
}

function callBeside(parts: HostCallParts, flat: WasmValue[]): number {
  const { guest, prepared, crossing } = parts;
  const { threads } = guest.tasks;
  let isGiven = false;
  const give = (value: unknown): void => {
    isGiven = true;
    crossing.begin();
    lowerResult(crossing, prepared, { value, flat });
  };
  const work = begin(parts, flat);
  if (!(work instanceof HostWork)) {
    give(work);
    return subtaskStates.returned;
  }
  const isOver = threads.expect();
  const subtask = new Subtask({
    state: subtaskStates.started,
    onEvent: crossing.onEvent,
    // What the guest has by now is its own: the body of an answer outlives the call.
    onDrop: () => {
      if (!isGiven) work.giveUp();
    },
    // Whatever the host does is given up at once: nobody waits for that.
    cancel: () => {
      isOver();
      work.giveUp();
      subtask.resolveCancelled();
      return undefined;
    },
  });
  work.done.then(
    (value) => {
      isOver();
      if (!subtask.isResolved) subtask.resolve(() => give(value));
    },
    (error: unknown) => {
      isOver();
      if (subtask.isResolved) return;
      subtask.resolve(() => {
        throw error;
      });
    },
  );
  return subtask.publish(crossing.handles.addForTask(subtask));
}
