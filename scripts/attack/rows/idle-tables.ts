import { terrariumGuest } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

const MODULES = 40;
const ENTRIES = 99_000;

/** An instance that waits for its next run costs what its tables cost, however small its memory. */
export const idleTables: Attack = {
  name: 'idle-tables',
  what: '40 modules with a changed table of 99,000 entries, 64 connections',
  async prepare(stage) {
    for (let number = 0; number < MODULES; number += 1) {
      const module = await terrariumGuest(
        '(table.set $table (i32.const 7) (ref.null func))',
        `(table $table ${ENTRIES} funcref)
         (func $some (drop (i32.const ${number})))
         (elem declare func $some)
         (start $fill)
         (func $fill
           (table.fill $table (i32.const 0) (ref.func $some) (i32.const ${ENTRIES})))`,
      );
      stage.put('mallory', `${number}.wasm`, module);
    }
    stage.name('mallory.example', 'mallory');
  },
  attack({ port }, signal) {
    return flood((count) => ({ port, host: 'mallory.example', path: `/${count % MODULES}.wasm` }), {
      connections: 64,
      clients: 16,
      signal,
    });
  },
};
