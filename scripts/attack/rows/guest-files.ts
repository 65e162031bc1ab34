import { assemble } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

/** Opens a file of its site and closes it, for as long as it is let. */
const OPENER = `(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "page.html")
  (func (export "_start")
    (loop $again
      (drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 0)
        (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 64)))
      (drop (call $close (i32.load (i32.const 64))))
      (br $again))))`;

/** Every operation on a file waits its turn at the mount's guard, as Alice's pages do. */
export const guestFiles: Attack = {
  name: 'guest-files',
  what: 'programs that open a file of their site without end, 64 connections',
  async prepare(stage) {
    stage.put('mallory', 'files.wasm', await assemble(OPENER));
    stage.put('mallory', 'page.html', 'page');
    stage.name('mallory.example', 'mallory');
  },
  attack: ({ port }, signal) =>
    flood(() => ({ port, host: 'mallory.example', path: '/files.wasm' }), {
      connections: 64,
      signal,
    }),
};
