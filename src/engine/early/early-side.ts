/** What an instance has of a start that is done once: doing it, and what each run begins with. */
import type { Binding, Run } from '../../abi/abi.ts';
import type { EarlyBinding, EarlyGiven, EarlyKept, EarlyRules } from '../../abi/early.ts';
import type { Hostcall, ImportName } from '../../abi/hostcall.ts';
import type { CoreInstance } from '../core-instance.ts';
import type { ProgramMemories } from '../program-memories.ts';
import type { RunSlot } from '../run-slot.ts';
import type { Started } from './early-start.ts';
import { type Resume, refresh } from './resume.ts';
import { StartGate } from './start-gate.ts';

/** `starts`: `start` will be called. `copies`: it gets the state of another. */
export type EarlyRole = 'starts' | 'copies';

export interface EarlySideOptions {
  readonly slot: RunSlot;
  readonly rules: EarlyRules;
  readonly role: EarlyRole;
  readonly binding: Binding;
  readonly memories: ProgramMemories;
}

export type EarlyEnd = Started & { readonly kept: EarlyKept | undefined };

export class EarlySide {
  readonly #options: EarlySideOptions;
  readonly #binding: EarlyBinding;
  readonly #gate: StartGate | undefined;
  #resume: Resume | undefined;

  /** Undefined where the ABI has no such starts. */
  static of(options: Omit<EarlySideOptions, 'rules'>, rules: EarlyRules | undefined) {
    const { early } = options.binding;
    return rules && early && new EarlySide({ ...options, rules }, early);
  }

  private constructor(options: EarlySideOptions, binding: EarlyBinding) {
    const { slot, rules, role } = options;
    this.#options = options;
    this.#binding = binding;
    this.#gate = role === 'starts' ? new StartGate(slot, rules) : undefined;
  }

  hostcall(wanted: ImportName): Hostcall | undefined {
    const hostcall = this.#options.binding.hostcall(wanted);
    return hostcall && (this.#gate?.guard(wanted, hostcall) ?? hostcall);
  }

  /**
   * Calls the entry of a program of one core, up to where it asks for a request. Rejects where it
   * traps or is ended otherwise.
   */
  async start(core: CoreInstance, entry: string, given: EarlyGiven): Promise<EarlyEnd> {
    const gate = this.#gate;
    const [memory] = this.#options.memories.all;
    const callee = core.exportedFunction(entry);
    if (gate === undefined || callee === undefined || memory === undefined) {
      throw new TypeError('Cannot start the program: its instance was not made for that');
    }
    this.#binding.prepare(given);
    gate.begin();
    try {
      await WebAssembly.promising(callee)();
    } catch (error) {
      if (gate.stoppedAt === undefined) throw error;
    } finally {
      gate.end();
    }
    const { stoppedAt } = gate;
    const kept = stoppedAt && this.#binding.keep();
    this.#options.binding.release();
    core.capture();
    const { capturedGlobals: globals, hasWatchedCall: hasDrawn } = core;
    return { stoppedAt, hasDrawn, globals, memory, kept };
  }

  /** Every run takes the program up where its start has ended, with what is the run's own. */
  resumeWith(resume: Resume): void {
    this.#resume = resume;
    this.#binding.resume(resume.kept);
  }

  /** A run begins. */
  refresh(run: Run): void {
    const memory = this.#options.memories.open(0);
    if (this.#resume === undefined || memory === undefined) return;
    refresh(memory, this.#resume, { run, binding: this.#binding });
  }

  /** In place of the entry; undefined where there is none. */
  entryOf(core: CoreInstance) {
    return this.#resume && core.resumeFunction;
  }
}
