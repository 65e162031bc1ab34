/** Runs that take what they may hold and then wait, in many folders of one owner. */
import type { Attack } from './attack.ts';
import { flood } from './clients.ts';

const FOLDERS = 20;

/** As many runs of `guest` as 400 connections bring, each folder's in turn. */
export function hoarding(
  guest: Uint8Array | (() => Promise<Uint8Array>),
): Pick<Attack, 'prepare' | 'attack'> {
  return {
    async prepare(stage) {
      const bytes = typeof guest === 'function' ? await guest() : guest;
      for (let folder = 0; folder < FOLDERS; folder += 1) {
        stage.put('mallory', `f${folder}/hoard.wasm`, bytes);
        stage.name(`f${folder}.mallory.example`, 'mallory', `f${folder}`);
      }
    },
    attack: ({ port }, signal) => {
      let asked = 0;
      const next = () => {
        asked += 1;
        return { port, host: `f${asked % FOLDERS}.mallory.example`, path: '/hoard.wasm' };
      };
      return flood(next, { connections: 400, clients: 20, signal });
    },
  };
}
