/** Which run an instance serves now: what its hostcalls ask before they do anything. */
import type { TrapCode } from '../abi/abi.ts';
import type { Activation } from './run/activation.ts';

/** What all instances of a thread share. */
export interface SlotParts {
  readonly scheduler: { readonly current: Activation | undefined };
  readonly trap: WebAssembly.RuntimeError;
}

export class RunSlot {
  readonly #parts: SlotParts;
  activation: Activation | undefined;

  constructor(parts: SlotParts) {
    this.#parts = parts;
  }

  get trap(): WebAssembly.RuntimeError {
    return this.#parts.trap;
  }

  /** @throws the trap where there is no run: what comes late finds nothing */
  running(): Activation {
    if (this.activation === undefined) throw this.trap;
    return this.activation;
  }

  /**
   * The run, which has the thread: only then may code of the guest run.
   *
   * @throws the trap where it has not
   */
  onTurn(): Activation {
    const { activation } = this;
    if (activation === undefined || activation !== this.#parts.scheduler.current) throw this.trap;
    return activation;
  }

  /** Ends the run as `trapped`. */
  endTrapped(reason: string, code?: TrapCode): never {
    throw this.activation?.endByGuest({ kind: 'trapped', reason, code }) ?? this.trap;
  }
}
