/** The hostcall for the time. */
import { hostcall } from './declare.ts';

const nsPerS = 1_000_000_000n;

export const clockHostcalls = [
  hostcall({
    name: 'hostcall_time_now',
    params: [['nanos', 'out_number']],
    results: [['seconds', 'number64']],
    waits: false,
    meaning: 'seconds since 1970; unless `nanos` is 0, the nanoseconds below go there as `u32`',
    spec: '',
    /** nanos ──► u32 nanoseconds, 0 to 999,999,999 */
    call: (guest) => (nanosPtr) => {
      const nowNs = guest.early.clock.nowNs();
      if (nanosPtr !== 0) guest.memory.writeU32(nanosPtr, Number(nowNs % nsPerS));
      return nowNs / nsPerS;
    },
  }),
];
