import { assemble } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

/**
 * Puts 400 objects of 4 KiB with 30 surrogate keys and ten names to vary by into the cache, purges
 * them softly, and then wants what somebody else is bringing, who computes until a budget ends it.
 */
const guest = `(module
  (import "fastly_cache" "insert" (func $insert (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_cache" "transaction_lookup"
    (func $enter (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_cache" "get_state" (func $state (param i32 i32) (result i32)))
  (import "fastly_http_body" "write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_body" "close" (func $close (param i32) (result i32)))
  (import "fastly_purge" "purge_surrogate_key" (func $purge (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 1024) "k0 k1 k2 k3 k4 k5 k6 k7 k8 k9 l0 l1 l2 l3 l4 l5 l6 l7 l8 l9 ")
  (data (i32.const 1084) "m0 m1 m2 m3 m4 m5 m6 m7 m8 m9")
  (data (i32.const 2048) "a b c d e f g h i j")
  (data (i32.const 3072) "hot")
  (func (export "_start") (local $left i32)
    (i64.store (i32.const 64) (i64.const 60000000000))
    (i32.store (i32.const 76) (i32.const 2048)) (i32.store (i32.const 80) (i32.const 19))
    (i32.store (i32.const 104) (i32.const 1024)) (i32.store (i32.const 108) (i32.const 89))
    (local.set $left (i32.const 400))
    (loop $next
      (drop (call $random (i32.const 0) (i32.const 8)))
      (drop (call $insert (i32.const 0) (i32.const 8)
        (i32.const 36) (i32.const 64) (i32.const 200)))
      (drop (call $write (i32.load (i32.const 200)) (i32.const 65536) (i32.const 4096)
        (i32.const 0) (i32.const 204)))
      (drop (call $close (i32.load (i32.const 200))))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (drop (call $purge (i32.const 1024) (i32.const 2) (i32.const 1) (i32.const 0)))
    (drop (call $enter (i32.const 3072) (i32.const 3)
      (i32.const 0) (i32.const 0) (i32.const 208)))
    (drop (call $state (i32.load (i32.const 208)) (i32.const 212)))
    (loop $forever (br $forever))))`;

/** What the one keeper of all caches has to do for Mallory, and how many wait for her key. */
export const cacheFlood: Attack = {
  name: 'cache-flood',
  what: 'programs that fill the cache, purge it and wait for one another, 100 connections',
  async prepare(stage) {
    stage.put('mallory', 'cache.wasm', await assemble(guest));
    stage.name('mallory.example', 'mallory');
  },
  attack: ({ port }, signal) => {
    const request = { port, host: 'mallory.example', path: '/cache.wasm' };
    return flood(() => request, { connections: 100, clients: 20, signal });
  },
};
