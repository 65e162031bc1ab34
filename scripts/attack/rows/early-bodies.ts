import { terrariumGuest } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { ended, openSocket } from '../clients.ts';

const BODY_BYTES = 10 * 1024 * 1024;
const CONNECTIONS = 250;
const CLIENTS = 50;
const PIECE = Buffer.alloc(64 * 1024, 'x');

/** Bodies that are whole but for their last byte: they are held, and nobody can serve them. */
export const earlyBodies: Attack = {
  name: 'early-bodies',
  what: '250 connections of 50 clients send 10 MiB each, but for the last byte',
  async prepare(stage) {
    stage.put('mallory', 'take.wasm', await terrariumGuest(''));
    stage.name('mallory.example', 'mallory');
  },
  async attack({ port }, signal) {
    const sendOne = async (number: number): Promise<void> => {
      while (!signal.aborted) {
        const socket = await openSocket(port, number % CLIENTS);
        const over = new Promise((resolve) => socket.once('close', resolve));
        signal.addEventListener('abort', () => socket.destroy());
        socket.resume();
        socket.write(
          'POST /take.wasm HTTP/1.1\r\nHost: mallory.example\r\n' +
            `Content-Length: ${BODY_BYTES}\r\n\r\n`,
        );
        for (let sent = 0; sent < BODY_BYTES - PIECE.length; sent += PIECE.length) {
          if (socket.destroyed || signal.aborted) break;
          if (socket.write(PIECE)) continue;
          await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), over]);
        }
        await over;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    for (let number = 0; number < CONNECTIONS; number += 1) void sendOne(number);
    await ended(signal);
  },
};
