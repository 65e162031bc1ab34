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

/** Of old objects and buffers, in each thread that is started from now on. */
const heapMibMin = 64;

/** To be called before threads are started whose garbage is collected on demand; see tidy.ts. */
export function giveHeapsRoom(): void {
  setFlagsFromString(`--initial-old-space-size=${heapMibMin}`);
}
