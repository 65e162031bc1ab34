/** One run on its way from stage to stage. */
import type { Run, RunEnd } from '../../abi/abi.ts';
import { type ErrorRecord, toErrorRecord } from '../../errors.ts';
import { noBytes } from '../../http/body.ts';
import type { Activation } from './activation.ts';
import type { RunBytes } from './bytes.ts';
import type { Farewell } from './farewell.ts';

/** As its guest sees it, and beyond. */
export interface Course extends Run {
  body: Uint8Array;
  hostMemory: RunBytes;
  /** Another where the run was begun anew. */
  activation: Activation;
  /** Once the client has gone; undefined in a conversation. */
  farewell: Farewell | undefined;
  /** Undefined until the entry has ended. */
  end: RunEnd | undefined;
  error: ErrorRecord | undefined;
}

/** A run that begins. */
export function openCourse(
  activation: Activation,
  hostMemory: RunBytes,
  request: Pick<Run, 'exchange' | 'capabilities' | 'conversation'>,
): Course {
  const { exchange, capabilities, conversation } = request;
  const course = {
    exchange,
    capabilities,
    body: noBytes,
    hostMemory,
    activation,
    farewell: undefined,
    end: undefined,
    error: undefined,
  };
  return conversation === undefined ? course : { ...course, conversation };
}

export const returned: RunEnd = { kind: 'returned' };

/** Errors of our own; what ended the run otherwise is known. */
export function noteFailure(course: Course, failure: unknown): void {
  if (!course.activation.isEnding) course.error = toErrorRecord(failure);
}
