/** Hostcalls about requests under way. */
import { setImmediate as reachMacrotask } from 'node:timers/promises';
import { hostcall } from './declare.ts';
import type { TerrariumGuest } from './guest.ts';
import { Misuse } from './misuse.ts';

const failed = -1;
const notReady = -2;
const handleBytes = 4;

export const pendingHostcalls = [
  hostcall({
    name: 'hostcall_pending_req_wait',
    params: [['pending', 'handle']],
    results: [['response', 'handle']],
    waits: true,
    meaning: 'waits for this one',
    spec: '',
    /** Consumes the pending request. */
    call: (guest) => (handle) =>
      guest.answerLater(failed, async () => {
        const { outbound } = guest.run;
        const pending = outbound.pending.take(handle);
        await guest.waitFor(pending.whenReady());
        return outbound.keepReply(pending);
      }),
  }),

  hostcall({
    name: 'hostcall_pending_req_poll',
    params: [['pending', 'handle']],
    results: [['response', 'handle']],
    waits: true,
    meaning: '-2 while it is not there yet',
    spec: '',
    /** Consumes the pending request unless the answer is -2. */
    call: (guest) => (handle) =>
      guest.answerLater(failed, async () => {
        const { outbound } = guest.run;
        const pending = outbound.pending.get(handle);
        // A guest that polls in a loop must let the network in: promises alone never do.
        if (!pending.isReady) await guest.waitFor(reachMacrotask());
        if (!pending.isReady) return notReady;
        outbound.pending.drop(handle);
        return outbound.keepReply(pending);
      }),
  }),

  hostcall({
    name: 'hostcall_pending_req_select',
    params: [
      ['pending', 'handles'],
      ['pending_len', 'count'],
      ['ended', 'out_handle'],
    ],
    results: [['response', 'handle']],
    waits: true,
    meaning: 'waits for the first to end, and writes its pending handle (`i32`) to `ended`',
    spec: '',
    call: (guest) => (handlesPtr, count, outPtr) => select(guest, { handlesPtr, count, outPtr }),
  }),
];

interface Selected {
  readonly handlesPtr: number;
  readonly count: number;
  readonly outPtr: number;
}

/**
 * Consumes the one that has ended alone. A handle that names nothing counts as one that has failed.
 *
 *   handlesPtr ──► | i32 | i32 | … |        outPtr ──► i32 handle, or -1 for an empty list
 */
function select(guest: TerrariumGuest, { handlesPtr, count, outPtr }: Selected): Promise<number> {
  guest.memory.requireRange(outPtr, handleBytes);
  guest.memory.writeU32(outPtr, failed);
  return guest.answerLater(failed, async () => {
    const handles = readHandles(guest, handlesPtr, count);
    const { outbound } = guest.run;
    const candidates = handles.map((handle) => {
      guest.memory.writeU32(outPtr, handle);
      return { handle, pending: outbound.pending.get(handle) };
    });
    await guest.waitFor(Promise.race(candidates.map(({ pending }) => pending.whenReady())));
    const ended = candidates.find(({ pending }) => pending.isReady);
    if (ended === undefined) throw new Error('Cannot select: nothing has settled');
    guest.memory.writeU32(outPtr, ended.handle);
    outbound.pending.drop(ended.handle);
    return outbound.keepReply(ended.pending);
  });
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
