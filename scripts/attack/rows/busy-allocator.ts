import { assemble } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

/** Code that the host calls cannot be suspended: what it computes, nobody can interrupt. */
export const busyAllocator: Attack = {
  name: 'busy-allocator',
  what: 'an allocator that never returns, called by a hostcall, 2 connections',
  async prepare(stage) {
    const module = await assemble(`(module
      (import "env" "hostcall_req_get_method" (func $method (param i32 i32 i32)))
      (memory (export "memory") 1)
      (func (export "malloc") (param i32) (result i32) (loop $again (br $again)) (i32.const 8))
      (func (export "run") (call $method (i32.const 0) (i32.const 4) (i32.const 0))))`);
    stage.put('mallory', 'malloc.wasm', module);
    stage.name('mallory.example', 'mallory');
  },
  attack: ({ port }, signal) =>
    flood(() => ({ port, host: 'mallory.example', path: '/malloc.wasm' }), {
      connections: 2,
      signal,
    }),
};
