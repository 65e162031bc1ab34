import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';
import { guestBytes } from '../stage.ts';

const VALUE = new Uint8Array(4 * 1024 * 1024);
const KEYS = 12;

/** The key-value writer is kept busy with values as large as may be. */
export const largeWrites: Attack = {
  name: 'large-writes',
  what: 'values of 4 MiB stored over 40 connections',
  prepare(stage) {
    stage.put('mallory', 'kv.wasm', guestBytes('kv'));
    stage.name('mallory.example', 'mallory');
  },
  attack: ({ port }, signal) => {
    let count = 0;
    const next = () => {
      count += 1;
      const path = `/kv.wasm/insert?${count % KEYS}`;
      return { port, host: 'mallory.example', path, method: 'POST', body: VALUE };
    };
    return flood(next, { connections: 40, clients: 8, signal });
  },
};
