/** Which run an instance serves now: what its hostcalls ask before they do anything. */
import type { TrapCode } from '../abi/abi.ts';
import type { Activation } from './run/activation.ts';

export class RunSlot {
  readonly trap: WebAssembly.RuntimeError;
  activation: Activation | undefined;

  constructor(trap: WebAssembly.RuntimeError) {
    this.trap = trap;
  }

  /** @throws the trap where there is no run: what comes late finds nothing */
  running(): Activation {
    if (this.activation === undefined) throw this.trap;
    return this.activation;
  }

  /** Ends the run as `trapped`. */
  endTrapped(reason: string, code?: TrapCode): never {
    throw this.activation?.endByGuest({ kind: 'trapped', reason, code }) ?? this.trap;
  }
}
