/** When the bytes of an answer are written as text, and when pieces of it are written together. */
import { Buffer } from 'node:buffer';

/**
 * Up to this size a body is turned into a string, which node sends in one buffer together with
 * the head; a body of its own costs a quarter of the thread (measured, docs/rationale.md).
 */
export const oneWriteBytesMax = 16 * 1024;
/** Smaller pieces of one tick leave together. */
export const joinedPieceBytesMax = 16 * 1024;

/** One character a byte. */
export function latin1(bytes: Uint8Array): string {
  const { buffer, byteOffset, length } = bytes;
  // Most are buffers of V8's own stock already.
  const text = bytes instanceof Buffer ? bytes : Buffer.from(buffer, byteOffset, length);
  return text.toString('latin1');
}
