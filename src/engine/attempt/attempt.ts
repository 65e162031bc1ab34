/**
 * A run on the thread's own stack. One that can be suspended costs up to a sixth of a short run:
 * V8 makes functions to resume it by, and changes stacks in each hostcall. Most runs wait for
 * nothing. So a program whose runs have not waited is entered plainly, as an attempt. One that
 * would wait after all is dropped, and the run begins anew, on a stack that can be suspended, as
 * if nothing had been.
 *
 * What makes this sound: an attempt is one call, in which nobody else has the thread, and nothing
 * of it shows outside before its code has ended. Its answer and its words for the log are held
 * until then; whatever else would be seen outside drops it before it is done. Its guest is kept
 * where that has ended a hostcall at once. Where something of the host's may still go on for it,
 * the guest is thrown away; what is still done for it finds nothing.
 */
import type { Exchange, Run, RunEnd } from '../../abi/abi.ts';
import type { Capabilities } from '../../capability/capability.ts';
import type { Guest } from '../guest.ts';
import type { GuestInstance } from '../instance.ts';
import type { Activation } from '../run/activation.ts';
import { type Course, returned } from '../run/course.ts';
import type { ProgramHost } from '../supply/program-host.ts';
import { AttemptCapabilities } from './attempt-capabilities.ts';
import { AttemptExchange } from './attempt-exchange.ts';
import type { Attempting, Droppable, HeldReply } from './attempting.ts';

/** More effects than a short run has. */
const heldMax = 64;

/** Whether a run of `program` is worth one. A body that comes in pieces would be read twice. */
export function mayAttempt(
  { record, abi }: Pick<ProgramHost, 'record' | 'abi'>,
  { instance, isStarted }: Guest,
  exchange: Exchange,
): boolean {
  if (!record.attempts.isWorthIt || !isStarted || !instance.allowsAttempts) return false;
  return abi.requestBody === 'whole' || !exchange.hasBody;
}

type State = 'open' | 'kept' | 'dropped';

export class Attempt implements Run, Attempting, Droppable {
  readonly exchange: AttemptExchange;
  readonly capabilities: Capabilities;
  readonly body: Uint8Array;
  readonly hostMemory: Course['hostMemory'];
  readonly #activation: Activation;
  #state: State = 'open';
  #isClean = true;
  #trap: WebAssembly.RuntimeError | undefined;
  #reply: HeldReply | undefined;
  /** In their order. */
  #held: (() => void)[] | undefined;

  constructor(course: Course) {
    this.exchange = new AttemptExchange(course.exchange, this);
    this.capabilities = new AttemptCapabilities(course.capabilities, this);
    this.body = course.body;
    this.hostMemory = course.hostMemory;
    this.#activation = course.activation;
  }

  /**
   * Runs the entry of `instance`. Undefined: it was dropped, and the activation has ended.
   *
   * @throws nothing of the guest's
   */
  run(instance: GuestInstance): RunEnd | undefined {
    const activation = this.#activation;
    activation.attempt = this;
    const end = this.#enter(instance);
    activation.attempt = undefined;
    if (this.#state === 'open' && end !== undefined && this.#keep()) return end;
    this.#end();
    return undefined;
  }

  /** Of one that was dropped: whether its guest can be put back. */
  get isClean(): boolean {
    return this.#isClean;
  }

  get isDropped(): boolean {
    return this.#state === 'dropped';
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get isAnswered(): boolean {
    return this.#reply !== undefined;
  }

  requireKept(): void {
    if (this.#state !== 'kept') throw this.#drop();
  }

  drop(work?: Promise<unknown>): WebAssembly.RuntimeError {
    // Nobody hears what becomes of it.
    work?.catch(() => undefined);
    this.#isClean = false;
    return this.#drop();
  }

  #drop(): WebAssembly.RuntimeError {
    this.#state = 'dropped';
    this.#trap = this.#activation.endByGuest({ kind: 'trapped', reason: 'it is begun anew' });
    return this.#trap;
  }

  holdReply(reply: HeldReply): void {
    this.#reply = reply;
  }

  hold(effect: () => void): void {
    this.#held ??= [];
    if (this.#held.length >= heldMax) throw this.#drop();
    this.#held.push(effect);
  }

  /** Undefined: it cannot be kept. */
  #enter(instance: GuestInstance): RunEnd | undefined {
    try {
      instance.begin(this);
      const waiting = instance.attemptEntry();
      if (waiting === undefined) return this.#returned();
      // Whoever waits has nobody to go on with: that it fails is known.
      waiting.catch(() => undefined);
    } catch (error) {
      if (this.#state === 'dropped' && error === this.#trap) return undefined;
      // The stack of the thread has another size than those that can be suspended.
      if (!(error instanceof RangeError)) return this.#explain(error);
    }
    this.#isClean = false;
    return undefined;
  }

  /** One that was dropped may have gone on, where something of ours has caught the trap. */
  #returned(): RunEnd {
    if (this.#state === 'dropped') this.#isClean = false;
    return returned;
  }

  /** Errors of our own come up again where it is begun anew. */
  #explain(error: unknown): RunEnd | undefined {
    try {
      return this.#activation.explain(error);
    } catch {
      this.#isClean = false;
      return undefined;
    }
  }

  /** What was held leaves. False: the answer could not, as will be told where it is begun anew. */
  #keep(): boolean {
    this.#state = 'kept';
    try {
      this.#reply?.send();
    } catch {
      this.#state = 'dropped';
      this.#isClean = false;
      return false;
    }
    this.#reply = undefined;
    if (this.#held !== undefined) for (const effect of this.#held) effect();
    this.#held = undefined;
    return true;
  }

  #end(): void {
    this.#drop();
    this.#reply?.cancel();
  }
}
