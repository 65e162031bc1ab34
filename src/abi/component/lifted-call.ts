/** A function that a component exports, as the host calls it (CanonicalABI.md, "canon lift"). */
import type { PlannedExport } from '../../wasm/component/plan.ts';
import type { CallEntry } from '../abi.ts';
import type { ComponentGuest } from './guest.ts';
import type { PreparedComponent, PreparedFunction } from './prepared.ts';
import type { Trampolines } from './trampolines.ts';
import { liftResult, lowerParams } from './values.ts';

/** Of one instance. */
export interface LiftedCallParts {
  readonly guest: ComponentGuest;
  readonly prepared: PreparedComponent;
  readonly trampolines: Trampolines;
}

export class LiftedCall {
  readonly #parts: LiftedCallParts;
  readonly #export: PlannedExport;
  readonly #function: PreparedFunction;
  readonly #entered: readonly number[];

  constructor(parts: LiftedCallParts, exported: PlannedExport) {
    this.#parts = parts;
    this.#export = exported;
    this.#function = parts.prepared.prepare(exported.type);
    this.#entered = parts.prepared.tree.entered(exported.options.instance);
  }

  /**
   * Calls it with values as `codec.ts` has them; answers such a value. Rejects when the guest
   * trapped or was ended.
   */
  async run(call: CallEntry, values: readonly unknown[]): Promise<unknown> {
    const { guest, trampolines } = this.#parts;
    const { func, options } = this.#export;
    const crossing = trampolines.crossing(options);
    const words = guest.enter(this.#entered);
    crossing.begin();
    const flat = lowerParams(crossing, this.#function, values);
    const answer = await call(trampolines.func(func), ...flat);
    crossing.begin();
    const value = liftResult(crossing, this.#function, answer);
    // Only now: what the answer points at is its own until then.
    if (options.postReturn !== undefined) {
      guest.host.callGuest(trampolines.func(options.postReturn), answer ?? 0);
    }
    guest.leave(this.#entered, words);
    return value;
  }
}
