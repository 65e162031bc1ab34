/**
 * How much CPU time the calling thread has used. Linux brings what `getrusage` tells of a thread
 * that runs up to date only when its timer ticks, each 4 ms on most machines: a slice of 1 ms
 * lasted up to 4. The clock of the thread is exact, and Node.js does not show it. Touches the
 * C library through `node:ffi`.
 */
import { endianness } from 'node:os';

/** In milliseconds. */
export type ReadThreadCpu = () => number;

/** CLOCK_THREAD_CPUTIME_ID */
const threadClock = 3;
const signatures = {
  clock_gettime: { return: 'i32', arguments: ['i32', 'pointer'] },
} as const;

/** The thread's own clock, or what there is where that is missing or forbidden. */
export function openThreadClock(): ReadThreadCpu {
  // Two numbers of 64 bits are read below, of which the lower halves come first.
  if (process.platform !== 'linux' || endianness() !== 'LE') return readUsage;
  try {
    const ffi = process.getBuiltinModule('node:ffi');
    const { clock_gettime: read } = ffi.dlopen(null, signatures).functions;
    const time = new Uint32Array(new ArrayBuffer(16));
    const address = ffi.getRawPointer(time.buffer);
    if (read(threadClock, address) !== 0) return readUsage;
    return () => {
      read(threadClock, address);
      const [seconds = 0, , nanoseconds = 0] = time;
      return seconds * 1_000 + nanoseconds / 1e6;
    };
  } catch {
    // Built or started without FFI, or not allowed to use it.
    return readUsage;
  }
}

function readUsage(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
