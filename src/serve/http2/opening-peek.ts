/**
 * Edge: connections. Looks at what a client of HTTP/2 sends first and puts it back: node tells
 * neither in which order settings came nor which, and what it is told it cannot give back later.
 */
import type { Buffer } from 'node:buffer';
import type { TLSSocket } from 'node:tls';
import { openingBytesMax } from './opening.ts';

/**
 * Calls `settle` with the first bytes of the connection when they are there; they are still to be
 * read. A client has to send some before it is sent any. When none come in time, or the connection
 * ends, it is destroyed and `settle` never called.
 */
export function peekOpening(
  socket: TLSSocket,
  timeoutMs: number,
  settle: (opening: Uint8Array) => void,
): void {
  const giveUp = (): void => void socket.destroy();
  const timer = setTimeout(giveUp, timeoutMs);
  const leave = (): void => {
    clearTimeout(timer);
    socket.off('readable', look);
    socket.off('end', giveUp);
    socket.off('error', giveUp);
    socket.off('close', leave);
  };
  const look = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    leave();
    socket.unshift(chunk);
    // A copy: what is kept of a connection must not hold all that came with it.
    settle(new Uint8Array(chunk.subarray(0, openingBytesMax)));
  };
  socket.on('readable', look);
  socket.once('end', giveUp);
  socket.once('error', giveUp);
  socket.once('close', leave);
}
