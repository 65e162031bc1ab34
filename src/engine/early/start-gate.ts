/**
 * The hostcalls of an instance whose program is started before any request: up to the first that
 * asks for something of a request or of the world, which is not made. The trap that ends the start
 * there takes WebAssembly's stack with it; memory and globals stay as they were at the call.
 */
import type { EarlyRules } from '../../abi/early.ts';
import type { Hostcall, ImportName } from '../../abi/hostcall.ts';
import type { RunSlot } from '../run-slot.ts';

type Call = (...args: unknown[]) => unknown;

/** Parameters of a hostcall that is called without an array of its arguments. */
const shortLength = 5;

export class StartGate {
  readonly #slot: RunSlot;
  readonly #rules: EarlyRules;
  #isStarting = false;
  #hasDrawn = false;
  /** Where the start ended. */
  stoppedAt: ImportName | undefined;

  constructor(slot: RunSlot, rules: EarlyRules) {
    this.#slot = slot;
    this.#rules = rules;
  }

  begin(): void {
    this.#isStarting = true;
  }

  /** From now on every hostcall is made. */
  end(): void {
    this.#isStarting = false;
  }

  guard(wanted: ImportName, hostcall: Hostcall): Hostcall {
    const call = hostcall.call as unknown as Call;
    const isShort = call.length > 0 && call.length <= shortLength;
    const guarded = isShort ? this.#guardShort(wanted, call) : this.#guardAny(wanted, call);
    return { ...hostcall, call: guarded as Hostcall['call'] };
  }

  #guardShort(wanted: ImportName, call: Call): Call {
    return (a, b, c, d, e) => {
      if (this.#isStarting) this.#admit(wanted, a);
      return call(a, b, c, d, e);
    };
  }

  #guardAny(wanted: ImportName, call: Call): Call {
    return (...args) => {
      if (this.#isStarting) this.#admit(wanted, args[0]);
      return call(...args);
    };
  }

  /**
   * Random numbers are given once: those that Go's runtime begins with, which are replaced for each
   * request. Whatever else draws some wants its own.
   *
   * @throws the trap where the start ends here
   */
  #admit(wanted: ImportName, first: unknown): void {
    const answer = this.#rules.judge(wanted, first);
    if (answer === 'alike') return;
    if (answer === 'random' && !this.#hasDrawn) {
      this.#hasDrawn = true;
      return;
    }
    const { module, name } = wanted;
    this.stoppedAt ??= { module, name };
    throw this.#slot.running().endByGuest({ kind: 'exited', exitCode: 0 });
  }
}
