/** Hostcalls about requests under way. */
import { setImmediate as reachMacrotask } from 'node:timers/promises';
import type { HostcallFamily, TerrariumGuest } from './guest.ts';
import { Misuse } from './misuse.ts';

const failed = -1;
const notReady = -2;
const handleBytes = 4;

export function pendingHostcalls(guest: TerrariumGuest): HostcallFamily {
  return {
    /** Consumes the pending request; waits for its response. */
    hostcall_pending_req_wait: {
      waits: true,
      call: (handle: number): Promise<number> =>
        guest.answerLater(failed, async () => {
          const { outbound } = guest.run;
          const pending = outbound.pending.take(handle);
          await guest.waitFor(pending.settled);
          return outbound.keepReply(pending);
        }),
    },

    /** Consumes the pending request unless the answer is -2. */
    hostcall_pending_req_poll: {
      waits: true,
      call: (handle: number): Promise<number> =>
        guest.answerLater(failed, async () => {
          const { outbound } = guest.run;
          const pending = outbound.pending.get(handle);
          // A guest that polls in a loop must let the network in: promises alone never do.
          if (!pending.isSettled) await guest.waitFor(reachMacrotask());
          if (!pending.isSettled) return notReady;
          outbound.pending.drop(handle);
          return outbound.keepReply(pending);
        }),
    },

    /**
     * Waits until one of `count` pending requests has ended, consumes that one alone and stores
     * its handle. A handle that names nothing counts as one that has failed.
     *
     *   handlesPtr ──► | i32 | i32 | … |        outPtr ──► i32 handle, or -1 for an empty list
     */
    hostcall_pending_req_select: {
      waits: true,
      call: (handlesPtr: number, count: number, outPtr: number): Promise<number> => {
        guest.memory.requireRange(outPtr, handleBytes);
        guest.memory.writeU32(outPtr, failed);
        return guest.answerLater(failed, async () => {
          const handles = readHandles(guest, handlesPtr, count);
          const { outbound } = guest.run;
          const candidates = handles.map((handle) => {
            guest.memory.writeU32(outPtr, handle);
            return { handle, pending: outbound.pending.get(handle) };
          });
          await guest.waitFor(Promise.race(candidates.map(({ pending }) => pending.settled)));
          const ended = candidates.find(({ pending }) => pending.isSettled);
          if (ended === undefined) throw new Error('Cannot select: nothing has settled');
          guest.memory.writeU32(outPtr, ended.handle);
          outbound.pending.drop(ended.handle);
          return outbound.keepReply(ended.pending);
        });
      },
    },
  };
}

function readHandles(guest: TerrariumGuest, ptr: number, count: number): readonly number[] {
  const handleCount = count >>> 0;
  const handlesMax = guest.limits.handlesPerRunMax;
  if (handleCount === 0 || handleCount > handlesMax) {
    throw new Misuse(`Cannot select: 1 to ${handlesMax} pending requests`, String(handleCount));
  }
  guest.memory.requireRange(ptr, handleCount * handleBytes);
  return Array.from({ length: handleCount }, (_, index) =>
    guest.memory.readI32((ptr >>> 0) + index * handleBytes),
  );
}
