/** A function that a component exports, as the host calls it (CanonicalABI.md, "canon lift"). */
import type { PlannedExport } from '../../wasm/component/plan.ts';
import type { CallEntry, HostcallResult, WasmValue } from '../abi.ts';
import type { Crossing } from './crossing.ts';
import type { ComponentGuest } from './guest.ts';
import type { PreparedComponent, PreparedFunction } from './prepared.ts';
import type { Trampolines } from './trampolines.ts';

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

  constructor(parts: LiftedCallParts, exported: PlannedExport) {
    this.#parts = parts;
    this.#export = exported;
    this.#function = parts.prepared.prepare(exported.type);
  }

  /**
   * Calls it with values as `codec.ts` has them; answers such a value. Rejects when the guest
   * trapped or was ended.
   */
  async run(call: CallEntry, values: readonly unknown[]): Promise<unknown> {
    const { guest, trampolines } = this.#parts;
    const { func, options } = this.#export;
    const crossing = trampolines.crossing(options);
    const answer = await call(trampolines.func(func), ...this.#lower(crossing, values));
    crossing.begin();
    const value = this.#lift(crossing, answer);
    // Only now: what the answer points at is its own until then.
    if (options.postReturn !== undefined) {
      guest.host.callGuest(trampolines.func(options.postReturn), answer ?? 0);
    }
    return value;
  }

  #lower(crossing: Crossing, values: readonly unknown[]): WasmValue[] {
    const { params, hasParamsInMemory } = this.#function;
    const flat: WasmValue[] = [];
    if (!hasParamsInMemory) {
      params.lower(crossing, values as never, flat);
      return flat;
    }
    const ptr = crossing.allocate(params.size, params.align);
    params.store(crossing, values as never, ptr);
    return [ptr];
  }

  #lift(crossing: Crossing, answer: HostcallResult): unknown {
    const { result, hasResultInMemory } = this.#function;
    if (result === undefined) return undefined;
    if (!hasResultInMemory) return result.lift(crossing, [answer ?? 0], 0);
    const ptr = Number(answer) >>> 0;
    crossing.requireAligned(ptr, result.align);
    crossing.memory.requireRange(ptr, result.size);
    return result.load(crossing, ptr);
  }
}
