/**
 * Edge: sockets. Looks at the ClientHello of a fresh connection and puts it back, so that whoever
 * takes the connection next reads it as if nobody had looked.
 */
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { type ClientHello, readClientHello } from './client-hello.ts';

/**
 * Clients send it in one piece or a few. Every piece costs another look at what is there, so that
 * one sent byte by byte would cost its length squared.
 */
const piecesMax = 32;

/** A request in plain HTTP, where TLS is spoken: what its first line says. */
export interface PlainRequest {
  readonly method: string;
  readonly url: string;
}

const requestLine = /^([A-Z]{3,20}) ([!-~]{1,2000})/;
const requestLineBytesMax = 2_048;

/**
 * The hello, or what came in its place in plain HTTP and waits for an answer; undefined, and the
 * socket destroyed, when nothing comes in time or it is neither.
 */
export function peekHello(
  socket: Socket,
  timeoutMs: number,
): Promise<ClientHello | PlainRequest | undefined> {
  return new Promise((resolve) => {
    let received: Buffer = Buffer.alloc(0);
    let pieces = 0;
    const settle = (hello: ClientHello | PlainRequest | undefined): void => {
      clearTimeout(timer);
      socket.off('readable', look);
      socket.off('end', giveUp);
      socket.off('close', giveUp);
      if (hello === undefined) socket.destroy();
      else if ('message' in hello) socket.unshift(received);
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
      if (reading.kind === 'whole') settle(reading.hello);
      else settle(reading.kind === 'malformed' ? readPlain(received) : undefined);
    };
    const timer = setTimeout(giveUp, timeoutMs);
    socket.on('readable', look);
    socket.once('end', giveUp);
    socket.once('close', giveUp);
  });
}

function readPlain(received: Buffer): PlainRequest | undefined {
  const text = received.toString('latin1', 0, requestLineBytesMax);
  const [, method, url] = requestLine.exec(text) ?? [];
  return method === undefined || url === undefined ? undefined : { method, url };
}

export const alerts = { unrecognizedName: 112, noApplicationProtocol: 120 } as const;

/** Ends a connection whose handshake has not begun with a fatal alert (RFC 8446, section 6). */
export function sendAlert(socket: Socket, alert: number): void {
  if (socket.writable) socket.end(Buffer.from([21, 3, 1, 0, 2, 2, alert]));
  socket.destroySoon();
}
