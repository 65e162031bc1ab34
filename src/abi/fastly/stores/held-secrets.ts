/** Secrets that a guest holds by handles: to read them, or to use them without having read them. */
import { HandleTable } from '../../handles.ts';
import type { FamilyState, FastlyRun } from '../run.ts';

/** Never changed once it is here. */
export interface HeldSecret {
  readonly bytes: Uint8Array;
}

class HeldSecrets implements FamilyState {
  readonly table: HandleTable<HeldSecret>;

  constructor({ limits }: FastlyRun) {
    const handlesMax = limits.fastlyHandlesPerRunMax;
    this.table = new HandleTable({ kind: 'secret', firstHandle: 1, handlesMax });
  }
}

/** Those of a run; a family state. */
export function heldSecrets(run: FastlyRun): HeldSecrets {
  return new HeldSecrets(run);
}
