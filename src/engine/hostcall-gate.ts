/**
 * The way of every hostcall: in only while its run lives, out only with a result or the one trap,
 * and with the host's work counted as the guest's time.
 */
import type { HostcallResult } from '../abi/abi.ts';
import type { Hostcall } from '../abi/hostcall.ts';
import { isSteps } from '../abi/steps.ts';
import type { Activation } from './run/activation.ts';
import type { RunSlot } from './run-slot.ts';
import { follow } from './turn/follow.ts';

export interface Touched {
  /** What hostcalls moved since it was last asked, in bytes. */
  takeTouched(): number;
}

export interface GateOptions {
  readonly slot: RunSlot;
  readonly memories: Touched;
  /** The guest comes to its next check as soon as it counts again. */
  readonly endSlice: () => void;
}

/**
 * A hostcall may take long while the guest counts a few instructions: the clock is asked, too, when
 * the host has done so much, in bytes moved and what each hostcall counts for.
 */
const workPerLook = 65_536;
const workPerHostcall = workPerLook / 8;
/** Parameters of a hostcall that is called without an array of its arguments. */
const shortLength = 5;

export class HostcallGate {
  readonly #slot: RunSlot;
  readonly #memories: Touched;
  readonly #endSlice: () => void;
  #work = 0;

  constructor({ slot, memories, endSlice }: GateOptions) {
    this.#slot = slot;
    this.#memories = memories;
    this.#endSlice = endSlice;
  }

  /** The hostcall as a module may import it. */
  wrap(hostcall: Hostcall): WebAssembly.ImportValue {
    const call = hostcall.call as (...args: unknown[]) => unknown;
    const isShort = call.length > 0 && call.length <= shortLength;
    const { waits, isOpenWithin } = hostcall;
    if (isOpenWithin === true) return this.#guardWithin(call);
    const guarded = isShort ? this.#guard(call, waits) : this.#guardAny(call, waits);
    return waits ? new WebAssembly.Suspending(guarded) : guarded;
  }

  /** Every way out of a hostcall is a result or the one trap: guests can catch anything else. */
  #guardAny(
    call: (...args: unknown[]) => unknown,
    waits: boolean,
  ): (...args: unknown[]) => unknown {
    return (...args) => {
      const activation = this.#enter();
      try {
        return this.#leave(activation, call(...args), waits);
      } catch (error) {
        throw activation.endByError(error);
      }
    };
  }

  /**
   * The same without an array for the arguments, for each call: nearly all have so few, and take
   * no notice of those they do not have.
   */
  #guard(call: (...args: unknown[]) => unknown, waits: boolean): (...args: unknown[]) => unknown {
    return (a, b, c, d, e) => {
      const activation = this.#enter();
      try {
        return this.#leave(activation, call(a, b, c, d, e), waits);
      } catch (error) {
        throw activation.endByError(error);
      }
    };
  }

  /** Of what may be made while the host calls the guest. */
  #guardWithin(call: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
    return (...args) => {
      const activation = this.#slot.running();
      activation.requireAlive();
      try {
        return this.#leave(activation, call(...args), false);
      } catch (error) {
        throw activation.endByError(error);
      }
    };
  }

  /** @throws where the run is over, or may make no hostcalls now */
  #enter(): Activation {
    const activation = this.#slot.running();
    activation.requireAlive();
    if (activation.hostCalls.isWithin) {
      this.#slot.endTrapped('a hostcall was made while the host called the guest');
    }
    return activation;
  }

  /**
   * Host work is the guest's time, too. When that is over, others have a turn before the guest has
   * its answer; a hostcall that cannot wait brings it to its next check.
   *
   * @throws past the budget
   */
  #leave(activation: Activation, answer: unknown, waits: boolean): unknown {
    this.#work += workPerHostcall + this.#memories.takeTouched();
    if (typeof answer === 'object' && answer !== null) {
      return isSteps(answer) ? follow(activation, answer) : settle(activation, answer);
    }
    if (this.#work < workPerLook) return answer;
    this.#work = 0;
    if (!activation.looksOverdue()) return answer;
    if (waits) return activation.pauseWith(answer as HostcallResult);
    this.#endSlice();
    return answer;
  }
}

function settle(activation: Activation, result: unknown): unknown {
  return result instanceof Promise ? activation.suspend(result) : result;
}
