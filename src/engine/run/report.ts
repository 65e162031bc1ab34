import type { ErrorRecord } from '../../errors.ts';
import type { Outcome } from '../../journal/outcome.ts';
import type { RequestRecord } from '../../journal/request-record.ts';
import type { Phase } from './outcome.ts';

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

/** Of a run that did not begin. */
export function refusedReport(error: ErrorRecord): RunReport {
  return { outcome: 'refused', error, cause: error, cpuUs: 0, wallUs: 0, memoryBytes: 0 };
}
