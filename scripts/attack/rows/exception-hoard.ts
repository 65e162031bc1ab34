import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';
import { forever, heldException, number, ObjectType, objectGuest } from '../object-guest.ts';

/** A small module whose exceptions carry 1,000 vectors each: V8 keeps 64 KB and more for one. */
export const exceptionHoard: Attack = {
  name: 'exception-hoard',
  what: 'exceptions with 1,000 vectors, held by reference and never let go, 32 connections',
  prepare(stage) {
    const { exceptions } = ObjectType;
    const held = [0x20, 2, 0x20, 0, ...heldException, 0xfb, 14, exceptions];
    const next = [0x20, 0, ...number(1), 0x6a, 0x21, 0];
    const array = [...number(100_000), 0xfb, 7, exceptions, 0x21, 2];
    stage.put('mallory', 'throw.wasm', objectGuest([...array, ...forever([...held, ...next])]));
    stage.name('mallory.example', 'mallory');
  },
  attack: ({ port }, signal) =>
    flood(() => ({ port, host: 'mallory.example', path: '/throw.wasm' }), {
      connections: 32,
      signal,
    }),
};
