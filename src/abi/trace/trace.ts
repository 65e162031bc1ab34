/**
 * Hostcalls as they happen, one line each: for who wants to know what a guest does. A traced ABI is
 * another object around the ABI, chosen when guests are linked, so an untraced guest pays nothing.
 */
import type { Abi, Binding, CallEntry, EarlyCapabilities, GuestHost, Run, RunEnd } from '../abi.ts';
import type { Hostcall, HostcallAnswer, ImportName } from '../hostcall.ts';
import { isSteps, type Steps } from '../steps.ts';
import type { CallSight } from './shown.ts';
import { describeAnswer, describeGiven } from './values.ts';

export interface TraceOptions {
  /** Whether contents, queries and the values of secret headers are shown. */
  readonly showsSecrets: boolean;
  readonly nowMs: () => number;
  /** Takes the lines of an instance that serves no request yet. */
  readonly onEarlyLine: (line: string) => void;
}

/** Of one line; what is longer is cut. */
const lineCharsMax = 1_000;

type Call = (...args: (number | bigint)[]) => HostcallAnswer | Promise<unknown>;

/** The same ABI, with a line to the log of the run for each hostcall; see `GuestLog.trace`. */
export function traceAbi(abi: Abi, options: TraceOptions): Abi {
  const { name, requestBody } = abi;
  return {
    name,
    requestBody,
    judge: (face) => abi.judge(face),
    judgeComponent: (plan) => abi.judgeComponent?.(plan) ?? { kind: 'other' },
    converses: (entry) => abi.converses?.(entry) === true,
    takesUpgrades: abi.takesUpgrades === true,
    early: abi.early,
    bind: (host, component) => new TracedBinding(abi.bind(host, component), host, options),
  };
}

class TracedBinding implements Binding {
  readonly enter?: (call: CallEntry) => Promise<unknown> | undefined;
  readonly early: Binding['early'];
  readonly #binding: Binding;
  readonly #host: GuestHost;
  readonly #options: TraceOptions;
  /** Calls that have no answer yet, of the present run. */
  readonly #open = new Set<OpenCall>();
  /** Of the present run, or of the initialisation. */
  #log: Pick<Run['capabilities']['log'], 'trace'> | undefined;
  /** The log of the run takes no more lines. */
  #isFull = false;

  constructor(binding: Binding, host: GuestHost, options: TraceOptions) {
    this.#binding = binding;
    this.early = binding.early;
    const enter = binding.enter?.bind(binding);
    if (enter !== undefined) this.enter = enter;
    this.#host = host;
    this.#options = options;
  }

  hostcall(wanted: ImportName): Hostcall | undefined {
    const hostcall = this.#binding.hostcall(wanted);
    if (hostcall?.facts === undefined) return hostcall;
    const { facts } = hostcall;
    const call = hostcall.call as unknown as Call;
    const traced: Call = (...args) => {
      if (this.#isFull) return call(...args);
      // Values of a component may lie in the memory of another of its cores.
      const core = facts.typed?.options.memory ?? wanted.core;
      const host = core === undefined ? this.#host : this.#host.core(core);
      const { showsSecrets } = this.#options;
      const open = this.#begin({ host, showsSecrets, facts, args });
      return this.#follow(open, () => call(...args));
    };
    return { ...hostcall, call: traced as Hostcall['call'] };
  }

  prepare(capabilities: EarlyCapabilities): void {
    this.#log = capabilities.log;
    this.#binding.prepare?.(capabilities);
  }

  begin(run: Run): void {
    this.#log = run.capabilities.log;
    this.#isFull = false;
    this.#binding.begin(run);
  }

  settle(end: RunEnd): Promise<void> | undefined {
    return this.#binding.settle?.(end);
  }

  finish(end: RunEnd): void {
    this.#binding.finish(end);
  }

  release(): void {
    for (const open of this.#open) this.#tell(open, 'no answer');
    this.#open.clear();
    this.#log = undefined;
    this.#binding.release();
  }

  #begin(sight: CallSight): OpenCall {
    const given = describeGiven(sight);
    const open = { sight, given, startedAtMs: this.#options.nowMs() };
    this.#open.add(open);
    return open;
  }

  /** Makes the call, and tells of it when its answer is there. */
  #follow(open: OpenCall, call: () => ReturnType<Call>): ReturnType<Call> {
    try {
      const answer = call();
      if (isSteps(answer)) return this.#followSteps(open, answer) as Steps<number>;
      if (answer instanceof Promise) return this.#followPromise(open, answer);
      this.#end(open, answer);
      return answer;
    } catch (error) {
      this.#fail(open);
      throw error;
    }
  }

  *#followSteps(open: OpenCall, steps: Steps<unknown>): Steps<unknown> {
    try {
      const answer = yield* steps;
      this.#end(open, answer);
      return answer;
    } catch (error) {
      this.#fail(open);
      throw error;
    }
  }

  async #followPromise(open: OpenCall, work: Promise<unknown>): Promise<unknown> {
    try {
      const answer = await work;
      this.#end(open, answer);
      return answer;
    } catch (error) {
      this.#fail(open);
      throw error;
    }
  }

  /** Where the run has ended meanwhile, its memory may be somebody else's: it has been told. */
  #end(open: OpenCall, answer: unknown): void {
    if (!this.#open.delete(open)) return;
    this.#tell(open, describeAnswer(open.sight, answer).join(', '));
  }

  /** The guest trapped or ended in it. */
  #fail(open: OpenCall): void {
    if (this.#open.delete(open)) this.#tell(open, 'the run ends');
  }

  #tell({ sight, given, startedAtMs }: OpenCall, answer: string): void {
    const us = Math.round((this.#options.nowMs() - startedAtMs) * 1_000);
    const arrow = answer === '' ? '' : ` → ${answer}`;
    const { family, name } = sight.facts;
    const shownName = family === undefined ? name : `${family}.${name}`;
    const call = `${shownName}(${given.join(', ')})${arrow}`;
    const cut = call.length > lineCharsMax ? `${call.slice(0, lineCharsMax)}…` : call;
    const line = `${cut} (${us} µs)`;
    if (this.#log === undefined) this.#options.onEarlyLine(line);
    else this.#isFull = !this.#log.trace(line);
  }
}

interface OpenCall {
  readonly sight: CallSight;
  readonly given: readonly string[];
  readonly startedAtMs: number;
}
