/** Touches the attacker's folder. */
import { existsSync, renameSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Attack } from '../attack.ts';
import { askOnce, attackerAddress } from '../clients.ts';

const RENAMES_A_TURN = 2_000;
const ASK_EVERY_MS = 200;

/** Each rename is two events of the kernel, for whoever watches the directory. */
export const renameStorm: Attack = {
  name: 'rename-storm',
  what: 'renames in a local folder without end, some 160,000 a second',
  prepare(stage) {
    stage.put('mallory', 'a.wasm', 'no module');
    stage.name('mallory.example', 'mallory');
  },
  async attack({ port, mountDirectory }, signal) {
    const directory = join(mountDirectory, 'public', 'mallory');
    const agent = new Agent({ keepAlive: true });
    let [from, to] = [join(directory, 'a.wasm'), join(directory, 'b.wasm')];
    // An attacker before this one may have ended in between.
    if (!existsSync(from)) [from, to] = [to, from];
    let askAtMs = 0;
    while (!signal.aborted) {
      for (let count = 0; count < RENAMES_A_TURN; count += 1) {
        renameSync(from, to);
        [from, to] = [to, from];
      }
      // Who asks keeps the folder in use, and so watched.
      if (performance.now() >= askAtMs) {
        askAtMs = performance.now() + ASK_EVERY_MS;
        const request = { port, host: 'mallory.example', path: '/a.wasm' };
        void askOnce(request, agent, attackerAddress());
      }
      await turn();
    }
    agent.destroy();
  },
};
