import type { RunEnd } from '../../abi/abi.ts';
import type { ErrorRecord } from '../../errors.ts';
import type { Outcome } from '../../journal/outcome.ts';
import type { RequestRecord } from '../../journal/request-record.ts';
import { type Ended, type EndFacts, explainEnd, outcomeOf, type Phase } from './outcome.ts';

/** What a run was: worked out in one place, read by the gateway and the log. */
export interface RunReport {
  readonly outcome: Outcome;
  /** Why there is no answer, or none that is whole; undefined when the guest replied. */
  readonly error: ErrorRecord | undefined;
  /**
   * The same where the whole answer had left before, for the log: nobody can be told any more.
   * Undefined when the run ended well.
   */
  readonly cause?: ErrorRecord | undefined;
  /** Time the guest and its hostcalls held the thread, in microseconds. */
  readonly cpuUs: number;
  readonly wallUs: number;
  /** Linear memory at the end of the run, in bytes. */
  readonly memoryBytes: number;
  /** Where the guest ended itself with a code other than 0. */
  readonly exitCode?: number | undefined;
}

/** What an operator sees of a run. */
export interface RunLook {
  readonly record: RequestRecord;
  readonly phase: Phase | 'websocket';
  readonly ageMs: number;
  /** Until the run let go of the thread last. */
  readonly cpuMs: number;
}

interface EndedRun {
  readonly activation: Ended & { readonly cpuMs: number };
  readonly end: RunEnd | undefined;
  /** Of our own. */
  readonly error: ErrorRecord | undefined;
}

/** Of one that has ended. */
export function reportOf(
  { activation, end, error }: EndedRun,
  facts: EndFacts & { readonly wallMs: number; readonly memoryBytes: number },
): RunReport {
  const cause = error ?? explainEnd(activation, end, facts);
  return {
    outcome: outcomeOf(activation, end, cause),
    error: facts.isAnswered ? undefined : cause,
    cause,
    cpuUs: Math.round(activation.cpuMs * 1_000),
    wallUs: Math.round(facts.wallMs * 1_000),
    memoryBytes: facts.memoryBytes,
    exitCode: end?.kind === 'exited' ? end.exitCode : undefined,
  };
}

/** Of a run that did not begin. */
export function refusedReport(error: ErrorRecord): RunReport {
  return { outcome: 'refused', error, cause: error, cpuUs: 0, wallUs: 0, memoryBytes: 0 };
}
