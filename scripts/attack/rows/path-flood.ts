import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

const PATH_CHARS = 8_000;

/** Visitors without a folder: all they have is a name that nothing serves, and paths. */
export const pathFlood: Attack = {
  name: 'path-flood',
  what: 'paths of 8 KB to a name without a folder, 64 connections, a log reader at 20 MB/s',
  logBytesPerS: 20_000_000,
  prepare() {
    // Nothing is served: the requests alone are the attack.
  },
  attack({ port }, signal) {
    const path = `/${'x'.repeat(PATH_CHARS)}`;
    return flood(() => ({ port, host: 'nobody.example', path }), {
      ...{ connections: 64, clients: 8 },
      signal,
    });
  },
};
