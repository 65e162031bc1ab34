import { randomBytes } from 'node:crypto';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

const ZONES = ['silent.test', 'silent.org', 'silent.net'];

/** Names that nobody has asked for, in zones whose name servers never answer. */
export const silentNames: Attack = {
  name: 'silent-names',
  what: 'random host names in three zones that never answer, 1,200 connections of 12 clients',
  prepare(stage) {
    for (const zone of ZONES) stage.silence(zone);
  },
  attack: ({ port }, signal) => {
    let count = 0;
    const next = (): { port: number; host: string; path: string } => {
      count += 1;
      const zone = ZONES[count % ZONES.length] ?? '';
      return { port, host: `${randomBytes(8).toString('hex')}.${zone}`, path: '/' };
    };
    return flood(next, { connections: 1_200, clients: 12, signal });
  },
};
