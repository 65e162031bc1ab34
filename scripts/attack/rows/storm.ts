import { assemble } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

const FOLDERS = 20;

/**
 * Fetches `http://` and what stands behind "?" and then its own path, with the host name it was
 * asked by, 32 times at once.
 */
const stormGuest = `(module
  (import "env" "hostcall_req_get_path" (func $path (param i32 i32 i32)))
  (import "env" "hostcall_req_get_header" (func $header (param i32 i32 i32 i32 i32)))
  (import "env" "hostcall_req_create" (func $create (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_req_set_header" (func $set (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_req_send_async" (func $send (param i32) (result i32)))
  (import "env" "hostcall_pending_req_wait" (func $wait (param i32) (result i32)))
  (memory (export "memory") 1)
  (global $top (mut i32) (i32.const 0x1000))
  (func (export "malloc") (param $size i32) (result i32)
    (global.get $top)
    (global.set $top
      (i32.and
        (i32.add (i32.add (global.get $top) (local.get $size)) (i32.const 7))
        (i32.const -8))))
  (data (i32.const 0x20) "GEThost")
  (data (i32.const 0x4000) "http://")
  (func $append (param $end i32) (param $ptr i32) (param $len i32) (result i32)
    (memory.copy (local.get $end) (local.get $ptr) (local.get $len))
    (i32.add (local.get $end) (local.get $len)))
  (func (export "run")
    (local $at i32) (local $end i32) (local $mark i32) (local $request i32)
    (call $header (i32.const 0x40) (i32.const 0x44) (i32.const 0) (i32.const 0x23) (i32.const 4))
    (call $path (i32.const 0x48) (i32.const 0x4c) (i32.const 0))
    (local.set $mark (i32.load (i32.const 0x48)))
    (loop $seek
      (local.set $mark (i32.add (local.get $mark) (i32.const 1)))
      (br_if $seek (i32.ne (i32.load8_u (i32.sub (local.get $mark) (i32.const 1))) (i32.const 63))))
    (local.set $end
      (call $append (i32.const 0x4007) (local.get $mark)
        (i32.sub
          (i32.add (i32.load (i32.const 0x48)) (i32.load (i32.const 0x4c)))
          (local.get $mark))))
    (local.set $end
      (call $append (local.get $end) (i32.load (i32.const 0x48)) (i32.load (i32.const 0x4c))))
    (local.set $at (i32.const 0x80))
    (loop $sendAll
      (local.set $request
        (call $create (i32.const 0x20) (i32.const 3)
          (i32.const 0x4000) (i32.sub (local.get $end) (i32.const 0x4000))))
      (drop
        (call $set (local.get $request) (i32.const 0x23) (i32.const 4)
          (i32.load (i32.const 0x40)) (i32.const 1)))
      (i32.store (local.get $at) (call $send (local.get $request)))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $sendAll (i32.lt_u (local.get $at) (i32.const 0x100))))
    (local.set $at (i32.const 0x80))
    (loop $waitForAll
      (drop (call $wait (i32.load (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $waitForAll (i32.lt_u (local.get $at) (i32.const 0x100))))))`;

/** One request becomes 32, and each of them again. */
export const storm: Attack = {
  name: 'storm',
  what: `a function in ${FOLDERS} sub-folders that fetches itself 32 times, 20 connections`,
  environment: { TERRAFIRMA_OUTBOUND_ALLOWED_CIDRS: '127.0.0.0/8' },
  async prepare(stage) {
    const module = await assemble(stormGuest);
    for (let folder = 0; folder < FOLDERS; folder += 1) {
      stage.put('mallory', `${folder}/storm.wasm`, module);
      stage.name(`f${folder}.example`, 'mallory', String(folder));
    }
  },
  attack({ port }, signal) {
    return flood(
      (count) => {
        const path = `/storm.wasm?127.0.0.1:${port}`;
        return { port, host: `f${count % FOLDERS}.example`, path };
      },
      { connections: FOLDERS, clients: 5, signal },
    );
  },
};
