import { assemble } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { hoarding } from '../hoarding.ts';

/** As many as a program's /tmp may have. */
const NODES = 4_000;

/** Makes empty directories in /tmp, which is number 4, and sleeps for a minute. */
const guest = `(module
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $make (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "aaaaaaaa")
  (func (export "_start") (local $left i32) (local $number i32) (local $at i32)
    (local.set $left (i32.const ${NODES}))
    (loop $more
      (local.set $number (local.get $left))
      (local.set $at (i32.const 64))
      (loop $letters
        (i32.store8 (local.get $at)
          (i32.add (i32.const 97) (i32.and (local.get $number) (i32.const 15))))
        (local.set $number (i32.shr_u (local.get $number) (i32.const 4)))
        (br_if $letters (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 72))))
      (drop (call $make (i32.const 4) (i32.const 64) (i32.const 8)))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i32.store8 (i32.const 8) (i32.const 0))
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 60000000000))
    (drop (call $poll (i32.const 0) (i32.const 128) (i32.const 1) (i32.const 256)))))`;

/** What is empty takes none of a program's bytes, and memory all the same. */
export const nodeHoard: Attack = {
  name: 'node-hoard',
  what: `programs that make ${NODES} empty directories in /tmp and wait, 400 connections`,
  ...hoarding(() => assemble(guest)),
};
