/**
 * Hands a reply to a connection piece by piece, as fast as the client takes it, but not as slowly
 * as it likes: a client that takes two kilobytes every twelve seconds would keep 32 MiB for days.
 * Each piece has a time limit of its own, which makes a least rate; and a connection that encrypts
 * never holds more than one piece twice.
 */
import type { Writable } from 'node:stream';
import { PieceSize, type PieceSizeOptions } from './piece-size.ts';
import type { Wire } from './wire.ts';

/** A reply up to this size is handed over whole. */
export const wholeBytesMax = 64 * 1024;

export interface PumpOptions extends PieceSizeOptions {
  /** Gives the client the time again in which it must make room for more. */
  readonly renewLimit: () => void;
}

/** Sends `body`, which is not empty, and ends `stream`. The limit is off when that is closed. */
export function pumpReply(stream: Writable, body: Uint8Array, options: PumpOptions): void {
  const size = new PieceSize(options);
  let start = 0;
  const sendMore = (): void => {
    if (stream.destroyed) return;
    options.renewLimit();
    while (body.length - start > size.bytes) {
      const piece = body.subarray(start, start + size.bytes);
      start += size.bytes;
      if (!stream.write(piece)) {
        size.pause();
        return;
      }
    }
    stream.off('drain', goOn);
    if (!stream.destroyed) stream.end(body.subarray(start));
  };
  const goOn = (): void => {
    size.goOn();
    sendMore();
  };
  stream.on('drain', goOn);
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
