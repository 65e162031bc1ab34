/**
 * Hands a reply to a connection piece by piece, as fast as the client takes it, but not as slowly
 * as it likes: a client that takes two kilobytes every twelve seconds would keep 32 MiB for days.
 * Each piece has a time limit of its own, which makes a least rate; and a connection that encrypts
 * never holds more than one piece twice.
 */
import type { Writable } from 'node:stream';
import type { Wire } from './wire.ts';

/**
 * Bytes of one write. A connection asks for a pause at 64 KiB, so that some of these can follow
 * each other at once where the system takes them; about two must then be taken within the limit.
 */
export const pieceBytes = 32 * 1024;
/** A reply up to this size is handed over whole. */
export const wholeBytesMax = 64 * 1024;

/**
 * Sends `body`, which is not empty, and ends `stream`. `renewLimit` gives the client the time again
 * in which it must make room for more; the limit is off when the stream is closed.
 */
export function pumpReply(stream: Writable, body: Uint8Array, renewLimit: () => void): void {
  const lastStart = Math.floor((body.length - 1) / pieceBytes) * pieceBytes;
  let start = 0;
  const sendMore = (): void => {
    if (stream.destroyed) return;
    renewLimit();
    while (start < lastStart) {
      const piece = body.subarray(start, start + pieceBytes);
      start += pieceBytes;
      if (!stream.write(piece)) return;
    }
    stream.off('drain', sendMore);
    if (!stream.destroyed) stream.end(body.subarray(lastStart));
  };
  stream.on('drain', sendMore);
  sendMore();
}

/** Waits for room; a client that takes nothing for so long is cut off. */
export function untilDrained(
  wire: Pick<Wire, 'events' | 'destroy'>,
  idleTimeoutMs: number,
): Promise<void> {
  const { events } = wire;
  return new Promise((resolve) => {
    const timer = setTimeout(() => wire.destroy(), idleTimeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      events.off('drain', settle);
      events.off('close', settle);
      resolve();
    };
    events.once('drain', settle);
    events.once('close', settle);
  });
}
