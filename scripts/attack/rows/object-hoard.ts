import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';
import { forever, holdObjects, objectGuest } from '../object-guest.ts';

/** Many runs at once, each with as many small objects as it gets, held while it computes. */
export const objectHoard: Attack = {
  name: 'object-hoard',
  what: 'runs that fill an array with objects and then compute, 100 connections, 20 sub-folders',
  prepare(stage) {
    const guest = objectGuest([...holdObjects(400_000), ...forever([])]);
    for (let folder = 0; folder < 20; folder += 1) {
      stage.put('mallory', `f${folder}/hoard.wasm`, guest);
      stage.name(`f${folder}.mallory.example`, 'mallory', `f${folder}`);
    }
  },
  attack: ({ port }, signal) => {
    let asked = 0;
    const next = () => {
      asked += 1;
      return { port, host: `f${asked % 20}.mallory.example`, path: '/hoard.wasm' };
    };
    return flood(next, { connections: 100, clients: 20, signal });
  },
};
