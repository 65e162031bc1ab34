import { writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { terrariumGuest } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { askOnce, attackerAddress } from '../clients.ts';

const FOLDERS = 40;
const ENTRIES = 32;
const WRITE_EVERY_MS = 20;

/** Half are due each minute, and half on a day that comes once in many years. */
function schedules(version: number): string {
  return Array.from({ length: ENTRIES }, (_, number) => {
    const schedule = number % 2 === 0 ? '* * * * *' : `${number} 0 29 2 *`;
    return [
      '[[cron]]',
      `schedule = "${schedule}"`,
      'module = "spin.wasm"',
      `path = "?${number}-${version}"`,
      'timezone = "Pacific/Apia"',
    ].join('\n');
  }).join('\n');
}

/** Schedules cost the control plane when they are read, and everybody when they are due. */
export const rareSchedules: Attack = {
  name: 'rare-schedules',
  what: `${FOLDERS} folders with ${ENTRIES} schedules, written all the time, of what never ends`,
  async prepare(stage) {
    const spin = await terrariumGuest('(loop $again (br $again))');
    for (let folder = 0; folder < FOLDERS; folder += 1) {
      stage.put('mallory', `f${folder}/spin.wasm`, spin);
      stage.put('mallory', `f${folder}/terrafirma.toml`, schedules(0));
      stage.name(`f${folder}.mallory.example`, 'mallory', `f${folder}`);
    }
  },
  async attack({ port, mountDirectory }, signal) {
    const agent = new Agent({ keepAlive: true });
    // A folder that nobody visits is looked at seldom, and called for nobody.
    for (let count = 0; !signal.aborted; count += 1) {
      const folder = `f${count % FOLDERS}`;
      const host = `${folder}.mallory.example`;
      void askOnce({ port, host, path: '/' }, agent, attackerAddress());
      const file = join(mountDirectory, 'public', 'mallory', folder, 'terrafirma.toml');
      writeFileSync(file, schedules(count));
      await pause(WRITE_EVERY_MS);
    }
    agent.destroy();
  },
};
