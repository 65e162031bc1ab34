/** What a program's start, done before any request, may ask of WASI; see `EarlyBinding`. */
import type { Clock, Timer } from '../../capability/clock/contract.ts';
import type { GuestLog } from '../../capability/log/contract.ts';
import type { EarlyAnswer } from '../early.ts';
import type { ImportName } from '../hostcall.ts';
import { clockId } from './layout.ts';

/** Whatever they are asked: without files nothing is opened, and the rest is the program's own. */
const alike: ReadonlySet<string> = new Set([
  'args_get',
  'args_sizes_get',
  'environ_get',
  'environ_sizes_get',
  'fd_prestat_dir_name',
  'fd_prestat_get',
  // The program has ended without a request: its start is none that can be done once.
  'proc_exit',
  'sched_yield',
]);
const ofStreams: ReadonlySet<string> = new Set(['fd_fdstat_get', 'fd_fdstat_set_flags']);
const streamCount = 3;

export function judgeEarly({ name }: ImportName, first: unknown): EarlyAnswer {
  if (name === 'random_get') return 'random';
  const number = typeof first === 'number' ? first >>> 0 : undefined;
  // Any other clock counts from where the run first looks at it, and so does that of a start.
  if (name === 'clock_time_get') return number === clockId.realtime ? 'other' : 'alike';
  const isOfStream = ofStreams.has(name) && number !== undefined && number < streamCount;
  return isOfStream || alike.has(name) ? 'alike' : 'other';
}

/** No time goes by before the request. */
export const stoppedTimer: Timer = {
  nowNs: () => 0n,
  resolutionNs: 1_000_000n,
  start: () => () => undefined,
};

/** Nobody is told this: see `judgeEarly`. */
export const stoppedClock: Clock = { nowNs: () => 0n };

/** Nothing is written. */
export const silence: GuestLog = { isFull: true, write: () => undefined, trace: () => false };
