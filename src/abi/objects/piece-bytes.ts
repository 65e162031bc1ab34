/** Where the bytes of a body's pieces lie. Pure. */

/** A file is read in pieces of up to four times as many. */
const largeBytes = 64 * 1024;

/** Both as one, where they lie side by side: a piece that was taken apart leaves whole again. */
export function adjoined(one: Uint8Array, next: Uint8Array): Uint8Array | undefined {
  const isNext = one.buffer === next.buffer && one.byteOffset + one.length === next.byteOffset;
  return isNext ? new Uint8Array(one.buffer, one.byteOffset, one.length + next.length) : undefined;
}

/** Alone in its allocation, where that is much larger and would be kept as long. */
export function alone(piece: Uint8Array): Uint8Array {
  // A quarter of a large piece is soon followed by the other three.
  const slack = piece.length >= largeBytes ? 4 : 2;
  return piece.buffer.byteLength > slack * piece.length ? new Uint8Array(piece) : piece;
}
