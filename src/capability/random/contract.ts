/** Random numbers as a guest's ABI sees them. */

/** Fills `target` with cryptographic random bytes. */
export type FillRandom = (target: Uint8Array) => void;
