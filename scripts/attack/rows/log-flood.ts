import { terrariumGuest } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

const LOG_BYTES_A_RUN = 65_536;
/** A reader that a disk or a pipe slows down. */
const READER_BYTES_PER_S = 20_000_000;

/** Every run writes as much to the log as it may. */
export const logFlood: Attack = {
  name: 'log-flood',
  what: 'a function that logs 64 KiB a run, 32 connections, a log reader at 20 MB/s',
  logBytesPerS: READER_BYTES_PER_S,
  async prepare(stage) {
    const body = `(local $count i32)
      (loop $again
        (call $debug (i32.const 0) (i32.const 1024))
        (local.set $count (i32.add (local.get $count) (i32.const 1024)))
        (br_if $again (i32.lt_u (local.get $count) (i32.const ${LOG_BYTES_A_RUN}))))`;
    const text = `(data (i32.const 0) "${'log me '.repeat(147)}")`;
    stage.put('mallory', 'log.wasm', await terrariumGuest(body, text));
    stage.name('mallory.example', 'mallory');
  },
  attack: ({ port }, signal) =>
    flood(() => ({ port, host: 'mallory.example', path: '/log.wasm' }), {
      connections: 32,
      signal,
    }),
};
