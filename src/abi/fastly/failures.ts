/**
 * What a guest is told where something failed. The tables are complete: a new kind of failure does
 * not compile until somebody has decided.
 */
import { CapabilityRefusal, type RefusalKind } from '../../capability/refusal.ts';
import { TerrafirmaError } from '../../errors.ts';
import { HandleError, type HandleProblem } from '../handles.ts';
import { ObjectError, type ObjectProblem } from '../objects/object-error.ts';
import { FastlyFault, type Status, status } from './status.ts';

const ofHandles: Readonly<Record<HandleProblem, Status>> = {
  unknown: status.badf,
  full: status.limitexceeded,
};

const ofObjects: Readonly<Record<ObjectProblem, Status>> = {
  syntax: status.error,
  limit: status.limitexceeded,
  memory: status.limitexceeded,
  state: status.badf,
};

const ofCapabilities: Readonly<Record<RefusalKind, Status>> = {
  input: status.inval,
  limit: status.limitexceeded,
  forbidden: status.error,
  dns: status.error,
  connection: status.error,
  timeout: status.error,
  abandoned: status.error,
  unavailable: status.error,
  full: status.error,
};

export interface Failure {
  readonly status: Status;
  /** For the owner's log, where the number says too little. */
  readonly reason?: string;
}

/** @throws on what the guest is not to be told: traps, the end of the run, our own bugs */
export function toFailure(error: unknown): Failure {
  if (error instanceof FastlyFault) return { status: error.status };
  if (error instanceof HandleError) {
    const known = { status: ofHandles[error.problem] };
    return error.problem === 'full' ? { ...known, reason: error.message } : known;
  }
  if (error instanceof ObjectError) {
    return { status: ofObjects[error.problem], reason: error.message };
  }
  if (error instanceof CapabilityRefusal) {
    return { status: ofCapabilities[error.kind], reason: error.message };
  }
  // A body that broke off, a folder that is away: for the guest a failure like any other.
  if (error instanceof TerrafirmaError) return { status: status.error, reason: error.message };
  throw error;
}
