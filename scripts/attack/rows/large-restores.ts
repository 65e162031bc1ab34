import { assemble } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

const PAGES = 1_900;
const BYTES = PAGES * 65_536;
const CONNECTIONS = 4;

/** Of what is to be put back after a run the first state is the largest there may be. */
const LAST_BYTE = `(data (i32.const ${BYTES - 1}) "x")`;

/** Writes one byte of each 4 KiB, a fraction of a millisecond, and all of it must be put back. */
const touchingAll = `(module
  (import "env" "hostcall_debug" (func (param i32 i32)))
  (memory (export "memory") ${PAGES})
  ${LAST_BYTE}
  (func (export "run") (local $at i32)
    (loop $again
      (i32.store8 (local.get $at) (i32.const 1))
      (br_if $again (i32.lt_u
        (local.tee $at (i32.add (local.get $at) (i32.const 4096)))
        (i32.const ${BYTES}))))))`;

/** Does nothing at all; beside its memory it has another, which is put back whole. */
const secondMemory = `(module
  (import "env" "hostcall_debug" (func (param i32 i32)))
  (memory (export "memory") 1)
  (memory $other ${PAGES})
  (func $start (i32.store8 $other (i32.const ${BYTES - 1}) (i32.const 1)))
  (start $start)
  (func (export "run")))`;

/** A few instructions for the guest, and tens of milliseconds for the host after each run. */
export const largeRestores: Attack = {
  name: 'large-restores',
  what: `short runs that leave ${Math.round(BYTES / 1024 ** 2)} MiB to be put back`,
  async prepare(stage) {
    stage.put('mallory', 'touch.wasm', await assemble(touchingAll));
    stage.put('mallory', 'second.wasm', await assemble(secondMemory));
    stage.name('mallory.example', 'mallory');
  },
  attack: async ({ port }, signal) => {
    const asking = (path: string) =>
      flood(() => ({ port, host: 'mallory.example', path }), {
        connections: CONNECTIONS,
        signal,
      });
    await Promise.all([asking('/touch.wasm'), asking('/second.wasm')]);
  },
};
