/**
 * Calls from one component instance of a program into another (component-model, CanonicalABI.md,
 * `canon_lift` and `canon_lower`): values are copied from one to the other by way of the host, and
 * what is lent is given back before the call returns.
 */
import type { WasmValue } from '../abi.ts';
import type { NestedCall, Steps } from '../steps.ts';
import type { Crossing } from './crossing.ts';
import type { ComponentGuest } from './guest.ts';
import { Borrowing } from './handles.ts';
import type { PreparedFunction } from './prepared.ts';
import { liftParams, liftResult, lowerParams, lowerResult } from './values.ts';

export interface GuestCallParts {
  readonly guest: ComponentGuest;
  readonly prepared: PreparedFunction;
  readonly caller: Crossing;
  readonly callee: Crossing;
  /** Component instances that the call enters; see `InstanceTree`. */
  readonly entered: readonly number[];
  /** Begins to call the callee's core function. */
  readonly begin: (...args: readonly WasmValue[]) => NestedCall;
  /** Called with what the core function answered. */
  readonly postReturn: ((answer: WasmValue) => void) | undefined;
}

/** On the caller's turn, and sliced like it: the callee may be suspended. */
export function* callComponent(
  parts: GuestCallParts,
  flat: readonly WasmValue[],
): Steps<WasmValue | undefined> {
  const { guest, prepared, caller, callee, entered } = parts;
  guest.requireRun();
  const call = new Borrowing();
  caller.begin(call);
  const values = liftParams(caller, prepared, flat);
  const words = guest.enter(entered);
  callee.begin(call);
  const begun = parts.begin(...lowerParams(callee, prepared, values));
  const answer = (yield begun) as WasmValue | undefined;
  // Both may have made calls of their own since.
  callee.begin(call);
  const value = liftResult(callee, prepared, answer);
  if (call.isKept) {
    guest.trap('Cannot return: what is borrowed is dropped before: received a handle that is kept');
  }
  caller.begin(call);
  const result = lowerResult(caller, prepared, { value, flat });
  parts.postReturn?.(answer ?? 0);
  call.end();
  guest.leave(entered, words);
  return result;
}
