/**
 * Attackers over HTTP/2, frame by frame where no library would send it. Touches loopback sockets.
 */
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, type TLSSocket } from 'node:tls';
import { attackerAddress } from './clients.ts';

const SERVER_NAME = 'mallory.example';
/** An attacker who was refused comes back, but not in a busy loop. */
const RETRY_MS = 50;

/** A finished handshake over HTTP/2; undefined where it was refused. */
async function shakeHands(tlsPort: number, client: number): Promise<TLSSocket | undefined> {
  const socket = connect({
    ...{ host: '127.0.0.1', port: tlsPort, localAddress: attackerAddress(client) },
    ...{ servername: SERVER_NAME, ALPNProtocols: ['h2'], rejectUnauthorized: false },
  });
  // Being cut off is what attackers are used to.
  socket.on('error', () => socket.destroy());
  await happened(socket, 'secureConnect');
  return socket.destroyed ? undefined : socket;
}

/** Resolves with the event, or when the socket is closed. */
function happened(socket: TLSSocket, event: 'secureConnect' | 'drain'): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => {
    const settle = (): void => {
      socket.off(event, settle);
      socket.off('close', settle);
      resolve();
    };
    socket.on(event, settle);
    socket.on('close', settle);
  });
}

/** The frame as it is sent. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

export interface FrameFlood {
  readonly tlsPort: number;
  /** From so many addresses, a connection each. */
  readonly clients: number;
  /** Sent again and again. */
  readonly batch: Uint8Array;
  readonly signal: AbortSignal;
}

/** Sends the batch over and over, as fast as it is taken, on a new connection after each cut. */
export async function floodFrames({ tlsPort, clients, batch, signal }: FrameFlood): Promise<void> {
  const attacker = async (client: number): Promise<void> => {
    while (!signal.aborted) {
      const socket = await shakeHands(tlsPort, client);
      if (socket !== undefined) {
        socket.resume();
        socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
        socket.write(frame(4, 0, 0, new Uint8Array(0)));
        await sendUntilClosed(socket, batch, signal);
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => attacker(client)));
}

async function sendUntilClosed(
  socket: TLSSocket,
  batch: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  while (!socket.destroyed && !signal.aborted) {
    if (!socket.write(batch)) await happened(socket, 'drain');
  }
  socket.destroy();
}

/** A session of node's client, which compresses headers; undefined where it was refused. */
export async function openSession(
  tlsPort: number,
  client: number,
): Promise<ClientHttp2Session | undefined> {
  const socket = await shakeHands(tlsPort, client);
  if (socket === undefined) return undefined;
  const session = connectHttp2(`https://${SERVER_NAME}`, { createConnection: () => socket });
  session.on('error', () => session.destroy());
  return session;
}
