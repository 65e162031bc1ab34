import { terrariumGuest } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

/** The simplest attack: a function that computes until it is ended, asked for without end. */
export const cpuHog: Attack = {
  name: 'cpu-hog',
  what: 'a function that never ends, 16 connections',
  async prepare(stage) {
    stage.put('mallory', 'spin.wasm', await terrariumGuest('(loop $again (br $again))'));
    stage.name('mallory.example', 'mallory');
  },
  attack: ({ port }, signal) =>
    flood(() => ({ port, host: 'mallory.example', path: '/spin.wasm' }), {
      connections: 16,
      signal,
    }),
};
