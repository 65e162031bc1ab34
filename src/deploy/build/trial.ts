/**
 * A new module is compiled whole by one of V8's compilers before the serving process does it with
 * that one: on behalf of guests V8 compiles outside any meter, and running out of memory, or of the
 * 65,535 edges that its optimiser can count, ends the process. In a trial that ends a process of
 * its own.
 */

import { OwnerQueue } from '../../account/owner-queue.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { OwnerKey } from '../../names.ts';
import { describeFunction, listFunctions } from '../../wasm/function-list.ts';
import { bytesOf, type Compiler, type TrialKind } from './trial-process.ts';
import { TrialProcesses } from './trial-processes.ts';
import type { TrialBounds, TrialEnding } from './trial-watch.ts';

export interface TrialOptions {
  /** What the bounds begin with; see `boundsOf`. */
  readonly bounds?: Readonly<Partial<Record<Compiler, Partial<TrialBounds>>>>;
  /** Processor time that the optimiser gets where somebody waits for its verdict. */
  readonly patienceCpuMsMax?: number;
  readonly trialsAtOnceMax?: number;
  readonly queuedTrialsMax?: number;
}

/** What is tried, and for whom. */
export interface TrialSubject {
  readonly forms: readonly Uint8Array<ArrayBuffer>[];
  /** As the owner wrote it, where it is one module: names and indexes are told in its terms. */
  readonly source?: {
    readonly bytes: Uint8Array;
    readonly importedFunctionCount: number;
  };
  readonly owner: OwnerKey;
}

/** Whether V8's optimiser may have the module. */
export type OptimiserVerdict =
  | { readonly kind: 'bounded' }
  | { readonly kind: 'unbounded'; readonly reason: string }
  /** Not known yet: it takes longer than the patience. */
  | { readonly kind: 'open' };

const mebibyte = 1024 * 1024;
const commonBounds = {
  residentBytesMax: 512 * mebibyte,
  functionBytesMax: 192 * mebibyte,
  wallMsMax: 120_000,
};
/** The largest function of SQLite takes the baseline compiler 10 ms, and the optimiser 1.3 s. */
const defaultBounds: Readonly<Record<Compiler, TrialBounds>> = {
  baseline: { ...commonBounds, cpuMsMax: 3_000, functionCpuMsMax: 1_000 },
  optimiser: { ...commonBounds, cpuMsMax: 8_000, functionCpuMsMax: 3_000 },
};
/**
 * What real programs take the baseline compiler at most, all their functions together. So much more
 * than the bound of one function they may take together where nothing is told of single ones: it
 * is not known then that none took more than its own bound, but none took more than this.
 */
const usualCpuMsPerMebibyte = 100;
/** However large the module: no function takes longer unnoticed than with the optimiser. */
const quickFunctionsMax = 3;
/** The code of real programs took 0.1 s (baseline) and 2.4 s (optimiser) a mebibyte. */
const cpuMsPerMebibyte: Readonly<Record<Compiler, number>> = { baseline: 500, optimiser: 6_000 };
/** A quarter of what real programs took: where even that is beyond the patience none is spent. */
const optimiserCpuMsPerMebibyteMin = 600;
/** Machine code and its tables; 6 to 12 were seen with real modules. */
const residentBytesPerCodeByte = 24;
/** A trial that gets less of the processor than this gets no verdict. */
const wallMsPerCpuMs = 20;
const patienceCpuMsMaxDefault = 1_500;
const trialsAtOnceMaxDefault = 2;
const queuedTrialsMaxDefault = 4_096;

export class Trial {
  readonly #options: TrialOptions;
  /** What a deploy waits for. */
  readonly #queue: OwnerQueue;
  readonly #processes = new TrialProcesses();
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: TrialOptions = {}) {
    this.#options = options;
    const { trialsAtOnceMax, queuedTrialsMax } = options;
    const queuedMax = queuedTrialsMax ?? queuedTrialsMaxDefault;
    const nowMs = () => performance.now();
    const runningMax = trialsAtOnceMax ?? trialsAtOnceMaxDefault;
    this.#queue = new OwnerQueue({ runningMax, queuedMax, nowMs });
  }

  /** Soon something will be tried: the process for it starts now. */
  prepare(): void {
    if (!this.#stop.signal.aborted) this.#processes.prepare();
  }

  /**
   * Compiles all forms with the baseline compiler, in turn with other owners; the optimiser's
   * verdict is left open. `isKnown` is asked when the turn has come: meanwhile the same code may
   * have been tried for somebody else, as when many deploy the same program at once.
   *
   * @throws TerrafirmaError `module-refused`: the baseline compiler takes too long or too much, or
   * ended the process. `internal`, `overloaded`: no verdict can be had now. `draining` after
   * `close`.
   */
  async admit(
    subject: TrialSubject,
    isKnown: () => Promise<boolean> = async () => false,
  ): Promise<{ readonly kind: 'open' | 'known' }> {
    this.#requireOpen();
    return await this.#queue.pass(subject.owner, async () => {
      if (await isKnown()) return { kind: 'known' };
      await this.#track(this.#admit(subject));
      return { kind: 'open' };
    });
  }

  /**
   * The optimiser's verdict, at once, whatever else is tried: however long it takes, or as far as
   * the patience of somebody who waits for it goes.
   *
   * @throws what `admit` throws, but no refusal
   */
  async optimise(
    subject: TrialSubject,
    { isPatient = true }: { readonly isPatient?: boolean } = {},
  ): Promise<OptimiserVerdict> {
    this.#requireOpen();
    if (!isPatient && this.#isHopeless(subject)) return { kind: 'open' };
    return await this.#track(this.#optimise(subject, isPatient));
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running);
    await this.#processes.close();
  }

  async #track<T>(running: Promise<T>): Promise<T> {
    this.#running.add(running);
    return await running.finally(() => this.#running.delete(running));
  }

  async #admit(subject: TrialSubject): Promise<void> {
    const bounds = this.#boundsOf(subject, 'baseline');
    const cpuMsMax = quickCpuMsMax(subject, bounds);
    const quickBounds = { ...bounds, cpuMsMax, functionCpuMsMax: cpuMsMax };
    const quick = await this.#run(subject, 'quick', quickBounds);
    if (quick.kind === 'compiled') return;
    const ending = await this.#run(subject, 'baseline', bounds);
    if (ending.kind === 'compiled') return;
    const rule = 'compiling it must stay within bounds of time and memory';
    const received = explainFailure(ending, subject);
    const detail = `Cannot accept the module: ${rule}: received ${received}`;
    throw new TerrafirmaError('module-refused', detail);
  }

  /** Whether the optimiser would take longer than the patience however fast it is. */
  #isHopeless({ forms }: TrialSubject): boolean {
    const leastCpuMs = (bytesOf(forms) / mebibyte) * optimiserCpuMsPerMebibyteMin;
    return leastCpuMs > (this.#options.patienceCpuMsMax ?? patienceCpuMsMaxDefault);
  }

  async #optimise(subject: TrialSubject, isPatient: boolean): Promise<OptimiserVerdict> {
    const full = this.#boundsOf(subject, 'optimiser');
    const patienceCpuMs = this.#options.patienceCpuMsMax ?? patienceCpuMsMaxDefault;
    const cpuMsMax = isPatient ? full.cpuMsMax : Math.min(full.cpuMsMax, patienceCpuMs);
    const functionCpuMsMax = isPatient ? full.functionCpuMsMax : full.cpuMsMax;
    const bounds = { ...full, cpuMsMax, functionCpuMsMax };
    const ending = await this.#run(subject, 'optimiser', bounds);
    if (ending.kind === 'compiled') return { kind: 'bounded' };
    if (ending.isOutOfTime && cpuMsMax < full.cpuMsMax) return { kind: 'open' };
    return { kind: 'unbounded', reason: explainFailure(ending, subject) };
  }

  async #run(
    { forms }: TrialSubject,
    compiler: TrialKind,
    bounds: TrialBounds,
  ): Promise<Extract<TrialEnding, { kind: 'compiled' | 'failed' }>> {
    this.#requireOpen();
    const ending = await this.#processes.run({ compiler, forms, bounds }, this.#stop.signal);
    this.#requireOpen();
    if (ending.kind === 'compiled' || ending.kind === 'failed') return ending;
    const detail = 'Cannot judge the module now: the machine is too busy to compile it on trial';
    throw new TerrafirmaError('overloaded', detail);
  }

  /** What real programs of that size take, several times over. */
  #boundsOf({ forms }: TrialSubject, compiler: Compiler): TrialBounds {
    const bounds = { ...defaultBounds[compiler], ...this.#options.bounds?.[compiler] };
    const codeBytes = bytesOf(forms);
    const cpuMsMax = bounds.cpuMsMax + (codeBytes / mebibyte) * cpuMsPerMebibyte[compiler];
    return {
      ...bounds,
      cpuMsMax,
      residentBytesMax: bounds.residentBytesMax + codeBytes * residentBytesPerCodeByte,
      wallMsMax: Math.max(bounds.wallMsMax, cpuMsMax * wallMsPerCpuMs),
    };
  }

  #requireOpen(): void {
    if (this.#stop.signal.aborted) throw new TerrafirmaError('draining');
  }
}

/**
 * All functions together within the bounds of one: then each is. A large program of ordinary
 * functions takes longer than that, and to have each told takes several times as long again.
 */
export function quickCpuMsMax(
  { forms }: Pick<TrialSubject, 'forms'>,
  { cpuMsMax, functionCpuMsMax }: Pick<TrialBounds, 'cpuMsMax' | 'functionCpuMsMax'>,
): number {
  const usualCpuMs = (bytesOf(forms) / mebibyte) * usualCpuMsPerMebibyte;
  return Math.min(cpuMsMax, quickFunctionsMax * functionCpuMsMax, functionCpuMsMax + usualCpuMs);
}

/** What ended the trial, with the function by its name. */
function explainFailure(
  ending: Extract<TrialEnding, { kind: 'failed' }>,
  subject: TrialSubject,
): string {
  const { source } = subject;
  if (source === undefined) return ending.received;
  const index = ending.functionIndex ?? blame(ending.compiled, source);
  if (index === undefined) return ending.received;
  return `${ending.received}: ${describeFunction(source.bytes, index)}`;
}

/**
 * V8 does not say which function it was at. It begins with the large ones, and small ones cannot
 * take long: so it was the largest of those that were not done.
 */
function blame(
  compiled: ReadonlySet<number>,
  { bytes, importedFunctionCount }: NonNullable<TrialSubject['source']>,
): number | undefined {
  let largest: { index: number; bodyBytes: number } | undefined;
  for (const each of listFunctions(bytes, importedFunctionCount)) {
    if (compiled.has(each.index)) continue;
    if (largest === undefined || each.bodyBytes > largest.bodyBytes) largest = each;
  }
  return largest?.index;
}
