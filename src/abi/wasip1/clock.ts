/**
 * `clock`: the real time, and time since the run began. The CPU clocks answer the latter too: C's
 * `clock()` is used for measuring, and what a neighbour costs is nobody's business.
 */
import { WasiError } from './errno.ts';
import type { HostcallFamily, WasiGuest } from './guest.ts';
import { clockId } from './layout.ts';

/** The real time is given in whole milliseconds. */
const realtimeResolutionNs = 1_000_000n;

export function clockHostcalls(guest: WasiGuest): HostcallFamily {
  return {
    /** ptr ──► u64 nanoseconds between two readings that differ */
    clock_res_get: guest.hostcall((id: number, ptr: number) => {
      const { timer } = guest.process.capabilities;
      guest.requireRange(ptr, 8);
      requireClock(id);
      const isReal = id === clockId.realtime;
      guest.writeU64(ptr, isReal ? realtimeResolutionNs : timer.resolutionNs);
    }),

    /** ptr ──► u64 nanoseconds; of the Unix epoch for the real time */
    clock_time_get: guest.hostcall((id: number, _precisionNs: bigint, ptr: number) => {
      guest.requireRange(ptr, 8);
      guest.writeU64(ptr, readClock(guest, id));
    }),
  };
}

/** Throws WasiError `inval` for a clock that is none. */
export function readClock(guest: WasiGuest, id: number): bigint {
  requireClock(id);
  const { process } = guest;
  if (id === clockId.realtime) return process.capabilities.clock.nowNs();
  return process.monotonicNs();
}

function requireClock(id: number): void {
  if (id >>> 0 > clockId.threadCpu) throw new WasiError('inval');
}
