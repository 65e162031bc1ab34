import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';
import { sleeper } from '../sleeper.ts';

/** A refusal costs the daemon more than the client that asks again at once. */
export const fullSeats: Attack = {
  name: 'full-seats',
  what: 'a program that sleeps, wanted on 1,200 connections of 12 clients: nearly all are refused',
  async prepare(stage) {
    stage.put('mallory', 'sleep.wasm', await sleeper({ memories: '(memory (export "memory") 1)' }));
    stage.name('mallory.example', 'mallory');
  },
  attack: ({ port }, signal) =>
    flood(() => ({ port, host: 'mallory.example', path: '/sleep.wasm' }), {
      connections: 1_200,
      clients: 12,
      signal,
    }),
};
