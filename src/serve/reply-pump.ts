/**
 * Hands a reply to a connection piece by piece, as fast as the client takes it, but not as slowly
 * as it likes: a client that takes two kilobytes every twelve seconds would keep 32 MiB for days.
 * Each piece has a time limit of its own, which makes a least rate; and a connection that encrypts
 * never holds more than one piece twice.
 */
import { PieceSize, type PieceSizeOptions } from './piece-size.ts';

/** A reply up to this size is handed over whole. */
export const wholeBytesMax = 64 * 1024;

export interface PumpOptions extends PieceSizeOptions {
  /** Gives the client the time again in which it must make room for more. */
  readonly renewLimit: () => void;
}

/** A stream, or what of one is needed here. */
export interface PumpTarget {
  readonly destroyed: boolean;
  /** Bytes that the system has not taken. */
  readonly writableLength: number;
  write(piece: Uint8Array): boolean;
  end(piece: Uint8Array): unknown;
  on(event: 'drain', listener: () => void): unknown;
  off(event: 'drain', listener: () => void): unknown;
}

/** Sends `body`, which is not empty, and ends `stream`. The limit is off when that is closed. */
export function pumpReply(stream: PumpTarget, body: Uint8Array, options: PumpOptions): void {
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
      if (stream.writableLength === 0) size.grow();
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
