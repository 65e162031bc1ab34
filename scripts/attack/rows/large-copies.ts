import { terrariumGuest } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

const BODY_BYTES = 32 * 1024 * 1024;

/** A few instructions for the guest, some 10 ms for the host, again and again. */
export const largeCopies: Attack = {
  name: 'large-copies',
  what: 'a function that sets a body of 32 MiB over and over, 4 connections',
  async prepare(stage) {
    const body = `(loop $again
      (drop (call $body (i32.const 0) (i32.const 0) (i32.const ${BODY_BYTES})))
      (br $again))`;
    stage.put('mallory', 'copy.wasm', await terrariumGuest(body, '', BODY_BYTES / 65_536));
    stage.name('mallory.example', 'mallory');
  },
  attack: ({ port }, signal) =>
    flood(() => ({ port, host: 'mallory.example', path: '/copy.wasm' }), {
      connections: 4,
      signal,
    }),
};
