import { streamHoard } from '../../../test/support/stream-guests.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

const FOLDERS = 20;

/** Each stream is two ends, a buffer and a promise of the host's; all of them wait for ever. */
export const streamHoarders: Attack = {
  name: 'stream-hoard',
  what: 'components of WASI 0.3 with 4,900 streams that nobody reads, 400 connections',
  prepare(stage) {
    for (let folder = 0; folder < FOLDERS; folder += 1) {
      stage.put('mallory', `f${folder}/hoard.wasm`, streamHoard(4_900));
      stage.name(`f${folder}.mallory.example`, 'mallory', `f${folder}`);
    }
  },
  attack: ({ port }, signal) => {
    let asked = 0;
    const next = () => {
      asked += 1;
      return { port, host: `f${asked % FOLDERS}.mallory.example`, path: '/hoard.wasm' };
    };
    return flood(next, { connections: 400, clients: 20, signal });
  },
};
