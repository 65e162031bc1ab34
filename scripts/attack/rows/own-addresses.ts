import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';
import { guestBytes } from '../stage.ts';

/** A service of the machine that no firewall keeps from the machine itself. */
export const ownAddresses: Attack = {
  name: 'own-addresses',
  what: 'guests ask a service bound to 0.0.0.0 at every address of the machine, in vain',
  prepare(stage) {
    stage.put('mallory', 'fetch.wasm', guestBytes('fetch'));
    stage.name('mallory.example', 'mallory');
  },
  async attack({ port }, signal) {
    let reached: string | undefined;
    const service = createServer(({ headers }, response) => {
      reached = headers.host;
      response.end('a secret');
    });
    await new Promise<void>((resolve) => service.listen(0, '0.0.0.0', resolve));
    const servicePort = (service.address() as AddressInfo).port;
    const addresses = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter(({ family }) => family === 'IPv4')
      .map(({ address }) => address);
    const spellings = addresses.flatMap((address) => [address, `[::ffff:${address}]`]);
    let count = 0;
    const next = () => {
      if (reached !== undefined) throw new Error(`a guest reached the machine at ${reached}`);
      count += 1;
      const url = `http://${spellings[count % spellings.length]}:${servicePort}/`;
      return { port, host: 'mallory.example', path: `/fetch.wasm?${url}` };
    };
    await flood(next, { connections: 4, signal });
    service.close();
  },
};
