import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Attack } from '../attack.ts';
import { openSocket } from '../clients.ts';

const CONNECTIONS = 1_200;
const CLIENTS = 12;
/** From one burst to the next; the connections are new each time. */
const EVERY_MS = 1_000;

/** What the event loop finds together it begins together: up to 600 requests on each thread. */
export const firstRequests: Attack = {
  name: 'first-requests',
  what: `${CONNECTIONS} new connections of ${CLIENTS} clients that ask together, each second`,
  prepare(stage) {
    stage.put('mallory', 'page.html', 'page');
    stage.name('mallory.example', 'mallory');
  },
  async attack({ port }, signal) {
    let sockets: Socket[] = [];
    signal.addEventListener('abort', () => {
      for (const socket of sockets) socket.destroy();
    });
    while (!signal.aborted) {
      const places = Array.from({ length: CONNECTIONS }, (_, number) => number);
      sockets = await Promise.all(places.map((number) => openSocket(port, number % CLIENTS)));
      for (const socket of sockets) socket.resume();
      await pause(EVERY_MS / 2);
      for (const socket of sockets) {
        socket.write('GET /page.html HTTP/1.1\r\nHost: mallory.example\r\n\r\n');
      }
      await pause(EVERY_MS / 2);
      for (const socket of sockets) socket.destroy();
    }
  },
};
