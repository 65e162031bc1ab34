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
/** The same for a client that takes what it gets at once: each write and each pause costs. */
export const quickPieceBytes = 256 * 1024;
/** Who has taken a piece so soon gets a larger one next. */
const quickMs = 100;
/** A reply up to this size is handed over whole. */
export const wholeBytesMax = 64 * 1024;

export interface PumpOptions {
  /** Gives the client the time again in which it must make room for more. */
  readonly renewLimit: () => void;
  /** Milliseconds since some instant. */
  readonly nowMs: () => number;
  /** Pieces never get larger than this. */
  readonly pieceBytesMax: number;
}

/** Sends `body`, which is not empty, and ends `stream`. The limit is off when that is closed. */
export function pumpReply(stream: Writable, body: Uint8Array, options: PumpOptions): void {
  const { renewLimit, nowMs, pieceBytesMax } = options;
  let size = pieceBytes;
  let start = 0;
  let pausedAtMs = Number.NEGATIVE_INFINITY;
  const sendMore = (): void => {
    if (stream.destroyed) return;
    renewLimit();
    const isQuick = nowMs() - pausedAtMs < quickMs;
    size = isQuick ? Math.min(2 * size, pieceBytesMax) : pieceBytes;
    while (body.length - start > size) {
      const piece = body.subarray(start, start + size);
      start += size;
      if (!stream.write(piece)) {
        pausedAtMs = nowMs();
        return;
      }
    }
    stream.off('drain', sendMore);
    if (!stream.destroyed) stream.end(body.subarray(start));
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
