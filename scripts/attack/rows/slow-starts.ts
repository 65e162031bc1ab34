import { writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { assemble } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { askOnce, attackerAddress } from '../clients.ts';

const MODULES = 200;
const OVERWRITE_EVERY_MS = 4_000;

/** A start function that computes so many rounds; bytes of every version differ. */
function starting(rounds: number): Promise<Uint8Array> {
  return assemble(`(module
    (import "env" "hostcall_debug" (func (param i32 i32)))
    (global $rounds (mut i32) (i32.const ${rounds}))
    (func $start
      (loop $again
        (global.set $rounds (i32.sub (global.get $rounds) (i32.const 1)))
        (br_if $again (global.get $rounds))))
    (start $start)
    (memory (export "memory") 1)
    (func (export "run")))`);
}

/** Nobody visits: a daemon that makes guests ready in advance works for the attacker alone. */
export const slowStarts: Attack = {
  name: 'slow-starts',
  what: `${MODULES} modules whose start functions never end, overwritten again and again`,
  async prepare(stage) {
    const module = await starting(1_000);
    for (let number = 0; number < MODULES; number += 1) {
      stage.put('mallory', `${number}.wasm`, module);
    }
    stage.name('mallory.example', 'mallory');
  },
  async attack({ port, mountDirectory }, signal) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let number = 0; number < MODULES && !signal.aborted; number += 1) {
      const plan = { port, host: 'mallory.example', path: `/${number}.wasm` };
      await askOnce(plan, agent, attackerAddress());
    }
    for (let version = 1; !signal.aborted; version += 1) {
      for (let number = 0; number < MODULES; number += 1) {
        const module = await starting(-1 - version * MODULES - number);
        writeFileSync(join(mountDirectory, 'public', 'mallory', `${number}.wasm`), module);
      }
      await new Promise((resolve) => setTimeout(resolve, OVERWRITE_EVERY_MS));
    }
    agent.destroy();
  },
};
