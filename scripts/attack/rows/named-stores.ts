import { assemble } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

/** Writes of 256 KiB under new keys, a list of them, and 400 new entries of a counter and a box. */
const guest = `(module
  (import "fastly_kv_store" "open" (func $open (param i32 i32 i32) (result i32)))
  (import "fastly_kv_store" "insert"
    (func $insert (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_kv_store" "insert_wait" (func $insert_wait (param i32 i32) (result i32)))
  (import "fastly_kv_store" "list" (func $list (param i32 i32 i32 i32) (result i32)))
  (import "fastly_kv_store" "list_wait" (func $list_wait (param i32 i32 i32) (result i32)))
  (import "fastly_erl" "check_rate"
    (func $check (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_body" "new" (func $body (param i32) (result i32)))
  (import "fastly_http_body" "write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 5)
  (data (i32.const 1024) "notes")
  ;; A name of 16 letters at 0, from random bytes.
  (func $name
    (drop (call $random (i32.const 0) (i32.const 16)))
    (i64.store (i32.const 0) (i64.add (i64.const 0x6161616161616161)
      (i64.and (i64.load (i32.const 0)) (i64.const 0x0f0f0f0f0f0f0f0f))))
    (i64.store (i32.const 8) (i64.add (i64.const 0x6161616161616161)
      (i64.and (i64.load (i32.const 8)) (i64.const 0x0f0f0f0f0f0f0f0f)))))
  (func (export "_start") (local $left i32)
    (drop (call $open (i32.const 1024) (i32.const 5) (i32.const 64)))
    (local.set $left (i32.const 8))
    (loop $next
      (call $name)
      (drop (call $body (i32.const 68)))
      (drop (call $write (i32.load (i32.const 68)) (i32.const 65536) (i32.const 262144)
        (i32.const 0) (i32.const 72)))
      (drop (call $insert (i32.load (i32.const 64)) (i32.const 0) (i32.const 16)
        (i32.load (i32.const 68)) (i32.const 0) (i32.const 128) (i32.const 76)))
      (drop (call $insert_wait (i32.load (i32.const 76)) (i32.const 80)))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (drop (call $list (i32.load (i32.const 64)) (i32.const 0) (i32.const 128) (i32.const 84)))
    (drop (call $list_wait (i32.load (i32.const 84)) (i32.const 88) (i32.const 92)))
    (local.set $left (i32.const 400))
    (loop $more
      (call $name)
      (drop (call $check (i32.const 0) (i32.const 8) (i32.const 0) (i32.const 16) (i32.const 1)
        (i32.const 10) (i32.const 1) (i32.const 8) (i32.const 8) (i32.const 60) (i32.const 96)))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))`;

/** Named stores and rates, which all of a folder's programs share, filled by one owner. */
export const namedStores: Attack = {
  name: 'named-stores',
  what: 'programs that fill a named store and a table of rates, 50 connections, four folders',
  async prepare(stage) {
    const module = await assemble(guest);
    for (let folder = 0; folder < 4; folder += 1) {
      stage.put('mallory', `f${folder}/stores.wasm`, module);
      stage.put('mallory', `f${folder}/terrafirma.toml`, '[kv.notes]\n');
      stage.name(`f${folder}.mallory.example`, 'mallory', `f${folder}`);
    }
  },
  attack: ({ port }, signal) => {
    let asked = 0;
    const next = () => {
      asked += 1;
      return { port, host: `f${asked % 4}.mallory.example`, path: '/stores.wasm' };
    };
    return flood(next, { connections: 50, clients: 20, signal });
  },
};
