/**
 * How a run ends: by itself, or by the host. The first end is the one that counts, and it is thrown
 * into the guest as the one trap that no guest can catch (docs/spec/engine.md, A5).
 */
import type { RunEnd } from '../../abi/abi.ts';
import { TerrafirmaError } from '../../errors.ts';

/**
 * Why a run was ended by the host (`ended`: by an operator); where the guest ends itself it is a
 * `RunEnd`.
 */
export type HostEnd = 'out-of-cpu' | 'out-of-time' | 'abandoned' | 'ended';

export class Ending {
  readonly trap: WebAssembly.RuntimeError;
  /** Whether the run is to end, or has. */
  isSet = false;
  #byHost: HostEnd | undefined;
  #byGuest: RunEnd | undefined;
  #isRecalled = false;

  constructor(trap: WebAssembly.RuntimeError) {
    this.trap = trap;
  }

  get byHost(): HostEnd | undefined {
    return this.#byHost;
  }

  endByHost(cause: HostEnd): void {
    if (!this.isSet) this.#byHost = cause;
    this.isSet = true;
  }

  /** The budget is used up, also where the guest has just ended itself and goes on nevertheless. */
  endByBudget(): void {
    this.#byHost ??= 'out-of-cpu';
    this.isSet = true;
  }

  /** It must end now, or has trapped by itself, which is not known yet. */
  recall(): void {
    this.#isRecalled = !this.isSet;
    this.isSet = true;
  }

  endByGuest(end: RunEnd): void {
    if (!this.isSet) this.#byGuest = end;
    this.isSet = true;
  }

  /** Lets a trap of the guest pass, unless the host ended the run. */
  forgive(): boolean {
    if (this.#byHost !== undefined) return false;
    this.#byGuest = undefined;
    this.isSet = false;
    return true;
  }

  /**
   * How the run ended, from what the guest's promise was rejected with; `describe` says it of what
   * V8 threw. Errors of our own, such as a memory that could not be had, are thrown on.
   */
  explain(error: unknown, describe: (error: unknown) => string): RunEnd {
    if (this.#byGuest !== undefined) return this.#byGuest;
    if (error instanceof TerrafirmaError) throw error;
    if (this.#isRecalled && error === this.trap) {
      return { kind: 'trapped', reason: 'it kept a thread that was lent to it' };
    }
    return { kind: 'trapped', reason: describe(error) };
  }
}
