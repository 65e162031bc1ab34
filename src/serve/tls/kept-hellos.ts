/**
 * The ClientHello of each connection that lives, for whoever asks what is known of its client. Node
 * shows no way from the socket of a handshake to the socket below it, so that the two are told to
 * be one connection by their addresses and ports.
 */
import type { Socket } from 'node:net';

/** Of one connection. Twice what post-quantum keys need; who sends more is known by less. */
export const keptHelloBytesMax = 4 * 1024;

export class KeptHellos {
  /** Of handshakes that have not ended. */
  readonly #greeted = new Map<string, Uint8Array>();
  readonly #kept = new WeakMap<Socket, Uint8Array>();

  /** A hello has come on `socket`, whose handshake begins. */
  greet(socket: Socket, message: Uint8Array): void {
    const key = keyOf(socket);
    if (message.length > keptHelloBytesMax || key === undefined) return;
    // A copy: the message is a view of all that was received with it.
    const kept = new Uint8Array(message);
    this.#greeted.set(key, kept);
    socket.once('close', () => {
      if (this.#greeted.get(key) === kept) this.#greeted.delete(key);
    });
  }

  /** The handshake has ended well: requests come on `secured`. */
  secure(secured: Socket): void {
    const key = keyOf(secured);
    const message = key === undefined ? undefined : this.#greeted.get(key);
    if (key === undefined || message === undefined) return;
    this.#greeted.delete(key);
    this.#kept.set(secured, message);
  }

  /** The handshake message; undefined where none was kept. */
  of(secured: Socket): Uint8Array | undefined {
    return this.#kept.get(secured);
  }
}

/** Undefined when the connection has gone. */
function keyOf(socket: Socket): string | undefined {
  const { localAddress, remoteAddress, remotePort } = socket;
  if (remotePort === undefined) return undefined;
  return `${remoteAddress} ${remotePort} ${localAddress} ${socket.localPort}`;
}
