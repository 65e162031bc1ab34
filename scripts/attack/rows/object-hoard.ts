import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';
import { forever, number, ObjectType, objectGuest } from '../object-guest.ts';

/** Many runs at once, each with as many small objects as it gets, held while it computes. */
export const objectHoard: Attack = {
  name: 'object-hoard',
  what: 'runs that fill an array with objects and then compute, 100 connections, 20 sub-folders',
  prepare(stage) {
    const { node, references } = ObjectType;
    const count = 400_000;
    const held = [0x20, 1, 0x20, 0, 0xfb, 1, node, 0xfb, 14, references];
    const next = [0x20, 0, ...number(1), 0x6a, 0x22, 0, ...number(count), 0x49, 0x0d, 0];
    const fill = [0x03, 0x40, ...held, ...next, 0x0b];
    const array = [...number(count), 0xfb, 7, references, 0x21, 1];
    const guest = objectGuest([...array, ...fill, ...forever([])]);
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
