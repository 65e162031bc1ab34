import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';
import { sleeper } from '../sleeper.ts';

const PAGES = 1_900;

/** Each run is within its limit; a hundred of them are more than the machine has. */
export const sleepingMemory: Attack = {
  name: 'sleeping-memory',
  what: '120 runs that fill 119 MiB of linear memory and sleep',
  async prepare(stage) {
    const module = await sleeper({
      memories: '(memory (export "memory") 1)',
      before: `
        (drop (memory.grow (i32.const ${PAGES})))
        (loop $touch
          (i32.store (local.get $at) (i32.const 7))
          (local.set $at (i32.add (local.get $at) (i32.const 4096)))
          (br_if $touch
            (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))))`,
    });
    for (let site = 0; site < 6; site += 1) stage.put('mallory', `${site}/sleep.wasm`, module);
    stage.name('mallory.example', 'mallory');
  },
  attack({ port }, signal) {
    return flood((count) => ({ port, host: 'mallory.example', path: `/${count % 6}/sleep.wasm` }), {
      connections: 120,
      clients: 30,
      signal,
    });
  },
};
