/** What became of a run: whether it ended well, and the sentence that says why not. */
import type { RunEnd } from '../../abi/abi.ts';
import { type ErrorCode, type ErrorRecord, errorRow } from '../../errors.ts';
import type { Outcome } from '../../journal/outcome.ts';
import type { HostEnd } from '../turn/ending.ts';

/** What the run was doing, for the sentence when its time is up. */
export type Phase = 'body' | 'queue' | 'guest';

/** What an activation tells of its end. */
export interface Ended {
  readonly hostEnd: HostEnd | undefined;
  readonly isEnding: boolean;
  readonly cpuRefusal: string | undefined;
  readonly memoryRefusal: ErrorRecord | undefined;
}

export interface EndFacts {
  readonly cpuMsMax: number;
  readonly wallMsMax: number;
  readonly phase: Phase;
  /** Whether the whole answer has left. */
  readonly isAnswered: boolean;
}

/** Why a run did not end well; undefined where it did. */
export function explainEnd(
  { hostEnd, cpuRefusal, memoryRefusal }: Ended,
  end: RunEnd | undefined,
  facts: EndFacts,
): ErrorRecord | undefined {
  if (hostEnd === 'out-of-time') return explainTime(facts);
  if (hostEnd === 'abandoned') {
    // Who has the answer may go: then it was not the client.
    if (facts.isAnswered) return record('draining', 'the daemon stopped before the run had ended');
    return record('client-gone', 'the client went away');
  }
  if (hostEnd === 'ended') return record('run-ended', errorRow('run-ended').sentence);
  if (hostEnd === 'out-of-cpu') {
    const limit = cpuRefusal ?? `reached its CPU limit of ${facts.cpuMsMax} ms`;
    return record('guest-out-of-cpu', `Cannot answer: the function ${limit}`);
  }
  if (end?.kind === 'trapped')
    return memoryRefusal ?? record(end.code ?? 'guest-trapped', end.reason);
  if (end?.kind === 'exited' && end.exitCode !== 0) {
    return record('guest-exited', `the function exited with code ${end.exitCode}`);
  }
  return undefined;
}

/**
 * Whether the guest may be restored. An exit with 0 is the usual end of Go, TinyGo and Zig: it
 * happens inside a hostcall, when every store before it has marked its card.
 */
export function isCleanEnd(end: RunEnd | undefined, { hostEnd, isEnding }: Ended): boolean {
  if (hostEnd !== undefined) return false;
  if (end?.kind === 'exited') return end.exitCode === 0;
  return end?.kind === 'returned' && !isEnding;
}

export function outcomeOf(
  { hostEnd }: Ended,
  end: RunEnd | undefined,
  cause: ErrorRecord | undefined,
): Outcome {
  if (hostEnd !== undefined) return hostEnd;
  if (end?.kind === 'trapped') {
    if (cause?.code === 'guest-out-of-memory') return 'out-of-memory';
    // Ended by the host for an answer or a body that it cannot take: not the guest's own trap.
    return cause === undefined || cause.code === 'guest-trapped' ? 'trapped' : 'refused';
  }
  if (end?.kind === 'exited' && end.exitCode !== 0) return 'exited';
  return cause === undefined ? 'replied' : 'refused';
}

function explainTime({ phase, wallMsMax }: EndFacts): ErrorRecord {
  if (phase === 'body') {
    const detail = `Cannot read the request: its body may take ${wallMsMax} ms`;
    return record('request-timeout', detail);
  }
  if (phase === 'queue') {
    const detail = `Cannot answer now: the request waited ${wallMsMax} ms for its turn`;
    return record('overloaded', detail);
  }
  const detail = `Cannot answer: the function reached its wall-clock limit of ${wallMsMax} ms`;
  return record('guest-out-of-time', detail);
}

function record(code: ErrorCode, detail: string): ErrorRecord {
  return { code, detail };
}
