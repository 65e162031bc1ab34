/**
 * The way of every hostcall: in only while its run lives, out only with a result or the one trap,
 * and with the host's work counted as the guest's time.
 */
import type { HostcallResult } from '../abi/abi.ts';
import { type CoreFace, faceOf, type Hostcall, type LateHostcall } from '../abi/hostcall.ts';
import { isSteps } from '../abi/steps.ts';
import type { Crossings } from './crossings.ts';
import type { Activation } from './run/activation.ts';
import type { RunSlot } from './run-slot.ts';
import { follow } from './turn/follow.ts';

export interface Touched {
  /** What hostcalls moved since it was last asked, in bytes. */
  takeTouched(): number;
}

export interface GateOptions {
  readonly slot: RunSlot;
  readonly crossings: Crossings;
  readonly memories: Touched;
  readonly guest: GuestBehind;
}

export interface GuestBehind {
  /** It comes to its next check as soon as it counts again. */
  endSlice(): void;
  /** The function of a hostcall that was linked without it. */
  openHostcall(late: LateHostcall): Hostcall['call'];
}

type Call = (...args: unknown[]) => unknown;

const noCalls: readonly Call[] = [];

/**
 * A hostcall may take long while the guest counts a few instructions: the clock is asked, too, when
 * the host has done so much, in bytes moved and what each hostcall counts for.
 */
const workPerLook = 65_536;
const workPerHostcall = workPerLook / 8;
/** What crosses stays for as long as the thread: one guest has few imports that may wait. */
const placesMax = 128;
/** Parameters of a hostcall that is called without an array of its arguments. */
const shortLength = 5;

export class HostcallGate {
  readonly #slot: RunSlot;
  readonly #memories: Touched;
  readonly #guest: GuestBehind;
  readonly #crossings: Crossings;
  /** Those that may wait, by the places at which crossings find them. */
  hostcalls: readonly Call[] = noCalls;
  #work = 0;

  constructor({ slot, crossings, memories, guest }: GateOptions) {
    this.#slot = slot;
    this.#crossings = crossings;
    this.#memories = memories;
    this.#guest = guest;
  }

  /**
   * The hostcall as a module may import it.
   *
   * @param crosses Whether the module imports functions of types that stand in no group of others.
   */
  wrap(hostcall: Hostcall | LateHostcall, crosses: boolean): WebAssembly.ImportValue {
    const late = 'call' in hostcall ? undefined : hostcall;
    const call = 'call' in hostcall ? (hostcall.call as Call) : undefined;
    const { waits } = hostcall;
    if (hostcall.isOpenWithin === true) return this.#guardWithin(call, late);
    const length = late?.length ?? call?.length ?? 0;
    const isShort = length > 0 && length <= shortLength;
    const guarded = isShort ? this.#guard(call, late, waits) : this.#guardAny(call, late, waits);
    if (!waits) return guarded;
    const face = crosses && this.hostcalls.length < placesMax ? faceToCross(hostcall) : undefined;
    if (face === undefined) return new WebAssembly.Suspending(guarded);
    // Of exactly that length: a list that grows takes room for sixteen more.
    this.hostcalls = this.hostcalls.concat(guarded);
    return this.#crossings.open(this.hostcalls.length - 1, face);
  }

  /** Every way out of a hostcall is a result or the one trap: guests can catch anything else. */
  #guardAny(call: Call | undefined, late: LateHostcall | undefined, waits: boolean): Call {
    return (...args) => {
      const activation = this.#enter();
      try {
        call ??= this.#openLate(late);
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
  #guard(call: Call | undefined, late: LateHostcall | undefined, waits: boolean): Call {
    return (a, b, c, d, e) => {
      const activation = this.#enter();
      try {
        call ??= this.#openLate(late);
        return this.#leave(activation, call(a, b, c, d, e), waits);
      } catch (error) {
        throw activation.endByError(error);
      }
    };
  }

  /** Of what may be made while the host calls the guest: of such few parameters all are. */
  #guardWithin(call: Call | undefined, late: LateHostcall | undefined): Call {
    return (a, b, c, d, e) => {
      const activation = this.#slot.running();
      activation.requireAlive();
      try {
        call ??= this.#openLate(late);
        return this.#leave(activation, call(a, b, c, d, e), false);
      } catch (error) {
        throw activation.endByError(error);
      }
    };
  }

  #openLate(late: LateHostcall | undefined): Call {
    if (late === undefined) throw new TypeError('Cannot make a hostcall: it has no function');
    return this.#guest.openHostcall(late) as Call;
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
    this.#guest.endSlice();
    return answer;
  }
}

/**
 * The type that it crosses by. Undefined for functions of components but those of the host's
 * interfaces: guests give them types of their own, and each type would be kept with the thread.
 */
function faceToCross({ facts }: Hostcall | LateHostcall): CoreFace | undefined {
  return facts === undefined || facts.typed !== undefined ? facts?.core : faceOf(facts);
}

function settle(activation: Activation, result: unknown): unknown {
  return result instanceof Promise ? activation.suspend(result) : result;
}
