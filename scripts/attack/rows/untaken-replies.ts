import { terrariumGuest } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { ended, openSocket } from '../clients.ts';

const REPLY_PAGES = 512;
const CONNECTIONS = 100;
const CLIENTS = 25;
/** What keeps a limit on idle connections content. */
const TRICKLE_BYTES = 2_048;
const TRICKLE_MS = 2_000;

/** The seats are free at once; the replies stay for as long as nobody reads them. */
export const untakenReplies: Attack = {
  name: 'untaken-replies',
  what: '100 connections of 25 clients, 32 MiB each, of which they read a little',
  async prepare(stage) {
    const bytes = REPLY_PAGES * 65_536;
    const body = `(drop (call $body (i32.const 0) (i32.const 0) (i32.const ${bytes})))`;
    stage.put('mallory', 'large.wasm', await terrariumGuest(body, '', REPLY_PAGES));
    stage.name('mallory.example', 'mallory');
  },
  async attack({ port }, signal) {
    const holdOne = async (number: number): Promise<void> => {
      while (!signal.aborted) {
        const socket = await openSocket(port, number % CLIENTS);
        signal.addEventListener('abort', () => socket.destroy());
        socket.pause();
        socket.write('GET /large.wasm HTTP/1.1\r\nHost: mallory.example\r\n\r\n');
        const trickle = setInterval(() => socket.read(TRICKLE_BYTES), TRICKLE_MS);
        await new Promise((resolve) => socket.once('close', resolve));
        clearInterval(trickle);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    for (let number = 0; number < CONNECTIONS; number += 1) void holdOne(number);
    await ended(signal);
  },
};
