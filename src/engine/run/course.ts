/** One run on its way from stage to stage. */
import type { Run, RunEnd } from '../../abi/abi.ts';
import { type ErrorRecord, toErrorRecord } from '../../errors.ts';
import type { Activation } from './activation.ts';
import type { RunBytes } from './bytes.ts';
import type { Farewell } from './farewell.ts';

/** As its guest sees it, and beyond. */
export interface Course extends Run {
  body: Uint8Array;
  readonly hostMemory: RunBytes;
  readonly activation: Activation;
  /** Once the client has gone; undefined in a conversation. */
  farewell: Farewell | undefined;
  /** Undefined until the entry has ended. */
  end: RunEnd | undefined;
  error: ErrorRecord | undefined;
}

export const returned: RunEnd = { kind: 'returned' };

/** Errors of our own; what ended the run otherwise is known. */
export function noteFailure(course: Course, failure: unknown): void {
  if (!course.activation.isEnding) course.error = toErrorRecord(failure);
}
