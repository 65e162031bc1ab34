/** What the meter may write several times over (meter/unroll.ts), and V8 then compiles as often. */

/** Loops whose code is up to this length, without loops within them. */
export const shortLoopBytesMax = 80;

/** How many times. */
export const unrolledRoundsMax = 4;
