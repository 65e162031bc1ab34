import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';
import { sleeper } from '../sleeper.ts';

const SITES = 20;
const MEMORIES = 8;

/** Memories are scarce by number: each takes 8 GiB of addresses, and they are soon used up. */
export const allMemories: Attack = {
  name: 'all-memories',
  what: '1,800 sleeping runs of 20 sites of one owner, 8 memories each',
  async prepare(stage) {
    const more = Array.from({ length: MEMORIES - 1 }, () => '(memory 1)').join(' ');
    const module = await sleeper({ memories: `(memory (export "memory") 1) ${more}` });
    for (let site = 0; site < SITES; site += 1) {
      stage.put('mallory', `${site}/sleep.wasm`, module);
      stage.name(`mallory${site}.example`, 'mallory', String(site));
    }
  },
  attack({ port }, signal) {
    return flood(
      (count) => ({ port, host: `mallory${count % SITES}.example`, path: '/sleep.wasm' }),
      { connections: 1_800, clients: 200, signal },
    );
  },
};
