/** Hostcalls for messages, randomness and time. */
import type { HostcallFamily, TerrariumGuest } from './guest.ts';

/** `len` of a C guest whose message ends at its NUL. */
const nulTerminated = -1;
const nsPerS = 1_000_000_000n;

export function miscHostcalls(guest: TerrariumGuest): HostcallFamily {
  const randomBytes = new Uint8Array(8);
  const randomView = new DataView(randomBytes.buffer);
  return {
    /** The message goes to the log only; the guest traps itself right after. */
    hostcall_panic_hook: {
      waits: true,
      call: (ptr: number, len: number): void => {
        const message = readMessage(guest, ptr, len);
        guest.run.capabilities.log.write('error', `panic: ${message}`);
      },
    },

    hostcall_debug: {
      waits: true,
      call: (ptr: number, len: number): void => {
        const message = readMessage(guest, ptr, len);
        guest.run.capabilities.log.write('info', message);
      },
    },

    /** A BigInt, because an i64 result that is a Number throws in the guest's call. */
    hostcall_rng_next_u64: {
      waits: false,
      call: (): bigint => {
        guest.run.capabilities.fillRandom(randomBytes);
        const value = randomView.getBigUint64(0, true);
        randomBytes.fill(0);
        return value;
      },
    },

    /**
     * Seconds since the Unix epoch; the nanoseconds below a second go to `nanosPtr` unless it is 0.
     *
     *   nanosPtr ──► u32 nanoseconds, 0 to 999,999,999
     */
    hostcall_time_now: {
      waits: false,
      call: (nanosPtr: number): bigint => {
        const nowNs = guest.run.capabilities.clock.nowNs();
        if (nanosPtr !== 0) guest.memory.writeU32(nanosPtr, Number(nowNs % nsPerS));
        return nowNs / nsPerS;
      },
    },
  };
}

/** The message at `ptr`, cut at what the log of a run may hold. */
function readMessage(guest: TerrariumGuest, ptr: number, len: number): string {
  const bytesMax = guest.limits.logBytesPerRunMax;
  if (len === nulTerminated) {
    return guest.memory.readUtf8Lossy(ptr, guest.memory.measureCString(ptr, bytesMax), bytesMax);
  }
  guest.memory.requireRange(ptr, len);
  return guest.memory.readUtf8Lossy(ptr, Math.min(len >>> 0, bytesMax), bytesMax);
}
