/**
 * The way of every hostcall of one instance: in only while its run lives, out only with a result or
 * the one trap, and with the host's work counted as the guest's time.
 */
import type { HostcallResult } from '../abi/abi.ts';
import type { Hostcall } from '../abi/hostcall.ts';
import { isSteps } from '../abi/steps.ts';
import type { HostFunction } from './crossings.ts';
import type { HostcallPort, ProgramHostcall, ProgramHostcalls } from './program-hostcalls.ts';
import type { CoreImport } from './program-shared.ts';
import type { Activation } from './run/activation.ts';
import type { RunSlot } from './run-slot.ts';
import { follow } from './turn/follow.ts';
import { pauseWith } from './turn/pause.ts';

export interface Touched {
  /** What hostcalls moved since it was last asked, in bytes. */
  takeTouched(): number;
}

export interface GateOptions {
  readonly program: ProgramHostcalls;
  readonly slot: RunSlot;
  readonly memories: Touched;
  readonly guest: GuestBehind;
}

export interface GuestBehind {
  /** It comes to its next check as soon as it counts again. */
  endSlice(): void;
  openHostcall(wanted: CoreImport): Hostcall | undefined;
}

const noCalls: readonly (HostFunction | undefined)[] = [];

/**
 * A hostcall may take long while the guest counts a few instructions: the clock is asked, too, when
 * the host has done so much, in bytes moved and what each hostcall counts for.
 */
const workPerLook = 65_536;
const workPerHostcall = workPerLook / 8;

export class HostcallGate implements HostcallPort {
  readonly program: ProgramHostcalls;
  readonly #slot: RunSlot;
  readonly #memories: Touched;
  readonly #guest: GuestBehind;
  /** By their places in the program. */
  #calls = noCalls;
  #work = 0;

  constructor({ program, slot, memories, guest }: GateOptions) {
    this.program = program;
    this.#slot = slot;
    this.#memories = memories;
    this.#guest = guest;
  }

  enter(isOpenWithin: boolean): Activation {
    const activation = this.#slot.onTurn();
    activation.requireAlive();
    // Those that are open within are of such few parameters, and call nobody.
    if (activation.hostCalls.isWithin && !isOpenWithin) {
      this.#slot.endTrapped('a hostcall was made while the host called the guest');
    }
    return activation;
  }

  find(hostcall: ProgramHostcall): HostFunction {
    return this.#calls[hostcall.place] ?? this.#open(hostcall);
  }

  /**
   * Host work is the guest's time, too. When that is over, others have a turn before the guest has
   * its answer; a hostcall that cannot wait brings it to its next check.
   *
   * @throws past the budget
   */
  leave(activation: Activation, answer: unknown, waits: boolean): unknown {
    this.#work += workPerHostcall + this.#memories.takeTouched();
    if (typeof answer === 'object' && answer !== null) return later(activation, answer, waits);
    if (this.#work < workPerLook) return answer;
    this.#work = 0;
    if (!activation.looksOverdue()) return answer;
    if (waits) return pauseWith(activation, answer as HostcallResult);
    this.#guest.endSlice();
    return answer;
  }

  #open(hostcall: ProgramHostcall): HostFunction {
    const call = this.#guest.openHostcall(hostcall.wanted)?.call as HostFunction | undefined;
    if (call === undefined) throw new TypeError('Cannot make a hostcall: it has no function');
    const place = this.program.place(hostcall);
    // Of exactly that length: a list that grows takes room for sixteen more.
    const calls = Array.from({ length: Math.max(place + 1, this.#calls.length) }, (_, at) =>
      at === place ? call : this.#calls[at],
    );
    this.#calls = calls;
    return call;
  }
}

/** @throws TypeError where the guest would go on without the thread */
function later(activation: Activation, answer: object, waits: boolean): unknown {
  const hasSteps = isSteps(answer);
  if (!hasSteps && !(answer instanceof Promise)) return answer;
  if (!waits) throw new TypeError('Cannot wait in a hostcall: one that may: received another');
  return hasSteps ? follow(activation, answer) : activation.suspend(answer);
}
