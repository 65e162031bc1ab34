import { byteStream } from '../../../test/support/stream-guests.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

/** A byte costs the host as much as a large piece: a write, a turn, and a chunk to the client. */
export const byteStreams: Attack = {
  name: 'byte-streams',
  what: 'components of WASI 0.3 that answer without end, a byte at a time, 64 connections',
  prepare(stage) {
    stage.put('mallory', 'bytes.wasm', byteStream);
    stage.name('mallory.example', 'mallory');
  },
  attack: ({ port }, signal) =>
    flood(() => ({ port, host: 'mallory.example', path: '/bytes.wasm' }), {
      connections: 64,
      clients: 16,
      signal,
    }),
};
