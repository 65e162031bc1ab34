/** What an instance has of a start that is done once: doing it, and what each run begins with. */
import { Buffer } from 'node:buffer';
import type { Binding, Run } from '../../abi/abi.ts';
import type { EarlyBinding, EarlyGiven, EarlyKept, EarlyRules } from '../../abi/early.ts';
import type { Hostcall, ImportName } from '../../abi/hostcall.ts';
import { type EarlyFacts, placeKey } from '../../threads/program.ts';
import type { CoreInstance } from '../core-instance.ts';
import type { ProgramMemories } from '../program-memories.ts';
import type { RunSlot } from '../run-slot.ts';
import { GoGlobal, type Started } from './early-start.ts';
import { answerAbsent, readLookup, returnBytes } from './lookup.ts';
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

/** What a start is told, and what is known of the program. */
export type StartGiven = EarlyGiven & { readonly facts: EarlyFacts };

interface Starting {
  readonly core: CoreInstance;
  readonly gate: StartGate;
  readonly memory: WebAssembly.Memory;
  readonly facts: EarlyFacts;
}

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
  async start(core: CoreInstance, entry: string, given: StartGiven): Promise<EarlyEnd> {
    const gate = this.#gate;
    const [memory] = this.#options.memories.all;
    const callee = core.exportedFunction(entry);
    if (gate === undefined || callee === undefined || memory === undefined) {
      throw new TypeError('Cannot start the program: its instance was not made for that');
    }
    this.#binding.prepare(given);
    gate.begin();
    core.isStarting = this.#options.rules.strings !== undefined;
    let place: number | undefined;
    try {
      place = await this.#follow(callee, { core, gate, memory, facts: given.facts });
    } finally {
      core.isStarting = false;
      gate.end();
    }
    const kept = place === undefined ? undefined : this.#binding.keep();
    this.#options.binding.release();
    core.capture();
    const { capturedGlobals: globals, hasWatchedCall: hasDrawn } = core;
    return { place, hasDrawn, globals, memory, kept };
  }

  /** The place of the function to call where the start has ended; undefined: it has returned. */
  async #follow(
    entry: NonNullable<CoreInstance['start']>,
    starting: Starting,
  ): Promise<number | undefined> {
    const { core, gate, facts } = starting;
    let answers = 0;
    for (let next: typeof entry | undefined = entry; next !== undefined; ) {
      try {
        this.#options.slot.onTurn();
        await WebAssembly.promising(next)();
        return undefined;
      } catch (error) {
        const { stoppedAt } = gate;
        if (stoppedAt !== undefined) return facts.places.get(placeKey(stoppedAt)) ?? noPlace;
        const stop = core.takeStop();
        if (stop === undefined || facts.told === undefined) throw error;
        const place = stop + facts.told.placesFrom;
        if (place !== facts.told.lookup || answers >= answersMax) return place;
        if (!this.#answer(starting)) return place;
        answers += 1;
      }
      next = core.resumeFunction;
    }
    return undefined;
  }

  /**
   * A program that stands where it looks for a variable which no request has is told so, in place
   * of the function that would look.
   */
  #answer({ core, memory }: Starting): boolean {
    core.capture();
    const stackPointer = Number(core.capturedGlobals[GoGlobal.stackPointer] ?? 0) >>> 0;
    const bytes = Buffer.from(memory.buffer);
    const name = readLookup(bytes, stackPointer);
    if (name === undefined || this.#binding.lacks?.(name) !== true) return false;
    answerAbsent(bytes, stackPointer);
    core.writeCaptured(GoGlobal.stackPointer, (stackPointer + returnBytes) | 0);
    core.restore();
    return true;
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

/**
 * Variables that the host looks for in one start. Each is a trap, which costs as much as thousands
 * of instructions and no fuel. Programs ask for some ten.
 */
const answersMax = 256;
/** Of a hostcall that no one function makes: there is nothing to call. */
const noPlace = 0;
