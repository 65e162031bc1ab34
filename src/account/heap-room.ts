/**
 * How much V8 lets a heap grow before it looks through it. Touches V8's flags.
 *
 * After a full collection V8 bounds the old objects, together with the bytes of buffers that have
 * come since, by what is left and some 9 MB. Under load that is renewed all the time and does not
 * matter; but after a collection in a quiet moment next to nothing is left, and from then on a
 * hundred answers of 64 KiB bring the next one. The bound is never less than the size that a heap
 * begins with.
 */
import { setFlagsFromString } from 'node:v8';

const mib = 1024 * 1024;

/** Guests' objects may take 64 MiB of a thread, and the program takes 30: some room beyond. */
const threadMibMax = 128;
/** Of what the process may hold, what may be garbage in all threads together. */
const garbageShare = 1 / 8;

/** To be called before threads are started whose garbage is collected on demand; see tidy.ts. */
export function giveHeapsRoom(process: {
  readonly bytesMax: number;
  readonly threads: number;
}): void {
  const threadMib = (process.bytesMax * garbageShare) / process.threads / mib;
  const heapMib = Math.floor(Math.min(threadMibMax, threadMib));
  setFlagsFromString(`--initial-old-space-size=${heapMib}`);
  // It would collect in every pause, and throw away the code that serves requests; see tidy.ts.
  setFlagsFromString('--no-memory-reducer');
}
