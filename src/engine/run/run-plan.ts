/** What a run is made of, beside its program and what all runs share. */
import type { Shares } from '../../account/shares.ts';
import type { RequestRecord } from '../../journal/request-record.ts';
import type { RunLimits } from './run-limits.ts';
import type { RunSeats } from './seating.ts';

export interface RunPlan {
  readonly shares: Shares;
  readonly digestWords: Int32Array;
  readonly limits: RunLimits;
  /** Undefined where nobody asked for the run. */
  readonly record?: RequestRecord | undefined;
  readonly seats?: RunSeats | undefined;
}

/** What of it whoever has a request knows. */
export type RunRequest = Pick<RunPlan, 'record' | 'seats'>;

export const noRequest: RunRequest = {};
