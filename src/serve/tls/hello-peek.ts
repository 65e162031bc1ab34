/**
 * Edge: sockets. Looks at the ClientHello of a fresh connection and puts it back, so that whoever
 * takes the connection next reads it as if nobody had looked.
 */
import type { Socket } from 'node:net';
import { type ClientHello, readClientHello } from './client-hello.ts';

/**
 * Clients send it in one piece or a few. Every piece costs another look at what is there, so that
 * one sent byte by byte would cost its length squared.
 */
const piecesMax = 32;

/** The hello; undefined, and the socket destroyed, when none comes in time or it is none. */
export function peekHello(socket: Socket, timeoutMs: number): Promise<ClientHello | undefined> {
  return new Promise((resolve) => {
    let received: Buffer = Buffer.alloc(0);
    let pieces = 0;
    const settle = (hello: ClientHello | undefined): void => {
      clearTimeout(timer);
      socket.off('readable', look);
      socket.off('end', giveUp);
      socket.off('close', giveUp);
      if (hello === undefined) socket.destroy();
      else socket.unshift(received);
      resolve(hello);
    };
    const giveUp = (): void => settle(undefined);
    const look = (): void => {
      const chunk: Buffer | null = socket.read();
      if (chunk === null) return;
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const reading = readClientHello(received);
      pieces += 1;
      if (reading.kind === 'partial' && pieces < piecesMax) return;
      settle(reading.kind === 'whole' ? reading.hello : undefined);
    };
    const timer = setTimeout(giveUp, timeoutMs);
    socket.on('readable', look);
    socket.once('end', giveUp);
    socket.once('close', giveUp);
  });
}

export const alerts = { unrecognizedName: 112, noApplicationProtocol: 120 } as const;

/** Ends a connection whose handshake has not begun with a fatal alert (RFC 8446, section 6). */
export function sendAlert(socket: Socket, alert: number): void {
  if (socket.writable) socket.end(Buffer.from([21, 3, 1, 0, 2, 2, alert]));
  socket.destroySoon();
}
