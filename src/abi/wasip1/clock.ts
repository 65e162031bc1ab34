/**
 * `clock`: the real time, and time since the run began. The CPU clocks answer the latter too: C's
 * `clock()` is used for measuring, and what a neighbour costs is nobody's business.
 */

import { WasiError } from '../objects/files/errno.ts';
import { answering } from './declare.ts';
import type { WasiGuest } from './guest.ts';
import { clockId } from './layout.ts';

/** The real time is given in whole milliseconds. */
const realtimeResolutionNs = 1_000_000n;

export const clockHostcalls = [
  /** ptr ──► u64 nanoseconds between two readings that differ */
  answering({
    name: 'clock_res_get',
    params: [
      ['id', 'number'],
      ['resolution', 'out_number64'],
    ],
    meaning: 'nanoseconds between two readings that differ',
    act: (guest, id, ptr) => {
      const { timer } = guest.process.capabilities;
      guest.requireRange(ptr, 8);
      requireClock(id);
      const isReal = id === clockId.realtime;
      guest.writeU64(ptr, isReal ? realtimeResolutionNs : timer.resolutionNs);
    },
  }),

  /** ptr ──► u64 nanoseconds; of the Unix epoch for the real time */
  answering({
    name: 'clock_time_get',
    params: [
      ['id', 'number'],
      ['precision', 'number64'],
      ['time', 'out_number64'],
    ],
    meaning: 'nanoseconds: real time of the Unix epoch, any other since the run began',
    act: (guest, id, _precisionNs, ptr) => {
      guest.requireRange(ptr, 8);
      guest.writeU64(ptr, readClock(guest, id));
    },
  }),
];

/** @throws WasiError `inval` for a clock that is none */
export function readClock(guest: WasiGuest, id: number): bigint {
  requireClock(id);
  const { process } = guest;
  if (id === clockId.realtime) return process.capabilities.clock.nowNs();
  return process.monotonicNs();
}

function requireClock(id: number): void {
  if (id >>> 0 > clockId.threadCpu) throw new WasiError('inval');
}
