/** Resources that keep texts of the guest's: they count as memory of its run. */
import type { HeldForRun } from '../objects/held-for-run.ts';
import { ObjectError } from '../objects/object-error.ts';
import type { ComponentGuest } from './guest.ts';
import { HostResource } from './handles.ts';

/** What a handle counts for includes texts of so many bytes: few resources have more. */
const ownBytes = 256;

export abstract class CountedResource extends HostResource {
  declare private held: HeldForRun | undefined;
  declare private heldBytes: number;

  // On the prototype until there is something, as in `HostResource`.
  static {
    CountedResource.prototype.held = undefined;
    CountedResource.prototype.heldBytes = 0;
  }

  /** It keeps so many bytes now. @throws ObjectError `limit`, `memory`; nothing is changed then */
  count(held: HeldForRun, bytes: number): void {
    const due = Math.max(0, bytes - ownBytes);
    if (due === this.heldBytes) return;
    if (due > this.heldBytes) held.hold(due - this.heldBytes);
    else held.release(this.heldBytes - due);
    this.held = held;
    this.heldBytes = due;
  }

  override drop(): void {
    super.drop();
    if (this.heldBytes === 0) return;
    this.held?.release(this.heldBytes);
    this.heldBytes = 0;
  }
}

/** `resource`, which keeps so many bytes. Traps where the run may not hold as many. */
export function counted<T extends CountedResource>(
  guest: ComponentGuest,
  resource: T,
  bytes: number,
): T {
  try {
    resource.count(guest.run.held, bytes);
    return resource;
  } catch (error) {
    if (error instanceof ObjectError) return guest.trap(error.message);
    throw error;
  }
}
