/** What all built-in functions of the canonical ABI for tasks are made of. */
import type { CrossingOptions } from '../../../wasm/component/plan.ts';
import { type Steps, wait } from '../../steps.ts';
import type { Crossing } from '../crossing.ts';
import type { ComponentGuest } from '../guest.ts';
import type { HandleTable } from '../handles.ts';
import type { PreparedComponent } from '../prepared.ts';
import type { Waitable } from './waitable.ts';

/** What a call answers where it goes on beside the guest. */
export const blocked = -1;

export interface BuiltInParts {
  readonly guest: ComponentGuest;
  readonly prepared: PreparedComponent;
  readonly crossing: (options: CrossingOptions) => Crossing;
}

export function handlesOf(guest: ComponentGuest, instance: number): HandleTable {
  const handles = guest.handles[instance];
  if (handles === undefined) throw new TypeError(`Cannot find component instance ${instance}`);
  return handles;
}

/** Until it has an event; nobody else may wait for it meanwhile. */
export function* waitForEvent(guest: ComponentGuest, waitable: Waitable): Steps<void> {
  waitable.isAwaited = true;
  yield* wait(guest.tasks.block(() => waitable.hasEvent));
  waitable.isAwaited = false;
}
