/** Touches the attackers' folders. */
import { mkdirSync, rmdirSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import type { Attack } from '../attack.ts';
import { askOnce, attackerAddress } from '../clients.ts';

const FOLDERS = 10;
const DIRECTORIES = 19_900;
const PAUSE_MS = 100;

const ownerOf = (index: number): string => `mallory${index}`;

/** Each walk over such a folder opens nearly twenty thousand directories, and finds nothing. */
export const manyDirectories: Attack = {
  name: 'many-directories',
  what: `${FOLDERS} folders of ${DIRECTORIES} empty directories each, changed all the time`,
  prepare(stage) {
    for (let index = 0; index < FOLDERS; index += 1) {
      const owner = ownerOf(index);
      const directory = join(stage.mountDirectory, 'public', owner);
      mkdirSync(directory, { recursive: true });
      for (let count = 0; count < DIRECTORIES; count += 1) mkdirSync(join(directory, `d${count}`));
      stage.name(`${owner}.example`, owner);
    }
  },
  async attack({ port, mountDirectory }, signal) {
    const agent = new Agent({ keepAlive: true });
    while (!signal.aborted) {
      for (let index = 0; index < FOLDERS; index += 1) {
        const owner = ownerOf(index);
        const more = join(mountDirectory, 'public', owner, 'more');
        mkdirSync(more, { recursive: true });
        rmdirSync(more);
        const request = { port, host: `${owner}.example`, path: '/nothing.wasm' };
        await askOnce(request, agent, attackerAddress(index));
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    agent.destroy();
  },
};
