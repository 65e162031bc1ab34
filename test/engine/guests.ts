/** Small Terrarium guests for the engine's tests, as text. */
import { assemble } from '../wasm/support/assemble.ts';

/** Waits for the key-value store, then answers "awake". */
export const waitingGuest = assemble(`(module
  (import "env" "hostcall_kvstore_get" (func $get (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0x100) "awake")
  (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
  (func (export "run")
    (drop (call $get (i32.const 0x50) (i32.const 0x54) (i32.const 0x100) (i32.const 5)))
    (drop (call $set (i32.const 0) (i32.const 0x100) (i32.const 5)))))`);

/** Grows memory page by page; traps when it is refused. */
export const greedyGuest = assemble(`(module
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "run")
    (loop $more
      (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
      (br $more))))`);

/** Asks for 4 GiB at once; traps when it is refused. */
export const hugeGuest = assemble(`(module
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "run")
    (if (i32.eq (memory.grow (i32.const 65000)) (i32.const -1)) (then unreachable))))`);

/** Grows its memory by 17 MiB and returns. */
export const swollenGuest = assemble(`(module
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "run") (drop (memory.grow (i32.const 272)))))`);

/** Answers the decimal digits of how many entries its table got of 1000 asked for one by one. */
export const tableGuest = assemble(`(module
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (table $table 1 funcref)
  (func (export "run")
    (local $left i32) (local $at i32) (local $size i32)
    (local.set $left (i32.const 1000))
    (loop $more
      (drop (table.grow $table (ref.null func) (i32.const 1)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $more (local.get $left)))
    (local.set $size (table.size $table))
    (local.set $at (i32.const 0x100))
    (loop $digit
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at)
        (i32.add (i32.const 48) (i32.rem_u (local.get $size) (i32.const 10))))
      (local.set $size (i32.div_u (local.get $size) (i32.const 10)))
      (br_if $digit (local.get $size)))
    (drop (call $set (i32.const 0) (local.get $at)
      (i32.sub (i32.const 0x100) (local.get $at))))))`);

/** Its start function asks for the request's path, which its run answers. */
export const curiousStartGuest = assemble(`(module
  (import "env" "hostcall_req_get_path" (func $path (param i32 i32 i32)))
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $top (mut i32) (i32.const 0x2000))
  (func (export "default_malloc_impl") (param $size i32) (result i32)
    (global.set $top (i32.add (global.get $top) (local.get $size)))
    (i32.sub (global.get $top) (local.get $size)))
  (start $start)
  (func $start (call $path (i32.const 0x40) (i32.const 0x44) (i32.const 0)))
  (func (export "run")
    (drop (call $set (i32.const 0) (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44))))))`);

/** A reactor: answers what `_initialize` computed, and how often it ran. */
export const reactorGuest = assemble(`(module
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_initialize")
    (i32.store8 (i32.const 0x100) (i32.add (i32.load8_u (i32.const 0x100)) (i32.const 1)))
    (i32.store8 (i32.const 0x101) (i32.const 48)))
  (func (export "run")
    (i32.store8 (i32.const 0x100) (i32.add (i32.load8_u (i32.const 0x100)) (i32.const 48)))
    (drop (call $set (i32.const 0) (i32.const 0x100) (i32.const 2)))))`);

/** Asks the key-value store over and over until it has an answer, then answers "found". */
export const askingGuest = assemble(`(module
  (import "env" "hostcall_kvstore_get" (func $get (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0x100) "found")
  (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
  (func (export "run")
    (loop $again
      (br_if $again (i32.eqz
        (call $get (i32.const 0x50) (i32.const 0x54) (i32.const 0x100) (i32.const 5)))))
    (drop (call $set (i32.const 0) (i32.const 0x100) (i32.const 5)))))`);

/** Gives a hostcall that waits an address beyond its memory. */
export const strayGuest = assemble(`(module
  (import "env" "hostcall_kvstore_get" (func $get (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
  (func (export "run")
    (drop (call $get (i32.const -64) (i32.const -60) (i32.const 0x100) (i32.const 5)))))`);
