import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

const FOLDERS = 40;
/** Of cost 14, which takes a second or two to compare with. */
const HASH = `$2b$14$${'a'.repeat(53)}`;

/** Every wrong password is a second of work, for an owner who chose it so. */
export const passwordGuesses: Attack = {
  name: 'password-guesses',
  what: `wrong passwords for ${FOLDERS} folders whose hashes take a second each, 80 connections`,
  prepare(stage) {
    const config = JSON.stringify({
      version: 'v1',
      users: { mallory: HASH },
      per_path_configs: { '/': { whitelist_additional_permissions: { mallory: 'read' } } },
    });
    for (let folder = 0; folder < FOLDERS; folder += 1) {
      stage.put('mallory', `f${folder}/.kbp_config`, config);
      stage.put('mallory', `f${folder}/page.html`, 'closed');
      stage.name(`f${folder}.mallory.example`, 'mallory', `f${folder}`);
    }
  },
  attack: ({ port }, signal) => {
    const next = (count: number) => {
      const authorization = `Basic ${Buffer.from(`mallory:${count}`).toString('base64')}`;
      const host = `f${count % FOLDERS}.mallory.example`;
      return { port, host, path: '/page.html', headers: { authorization } };
    };
    return flood(next, { connections: 80, clients: 40, signal });
  },
};
