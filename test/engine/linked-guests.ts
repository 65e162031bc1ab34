/**
 * A program of three cores, in WebAssembly text: `store` has the memory, a table and a global;
 * `library` and `main` import them. Each has a start function that leaves its mark in all three.
 */
import type { Link } from '../../src/wasm/meter/contract.ts';
import { assemble } from '../wasm/support/assemble.ts';

/**
 * Pages 2, which its start function makes 3; entries 0 to 2 are its own. `$wait` suspends whoever
 * calls it.
 */
const store = assemble(`(module
  (import "host" "wait" (func $wait (param i32) (result i32)))
  (memory (export "memory") 2 8)
  (table (export "table") 8 funcref)
  (global (export "count") (mut i32) (i32.const 5))
  (data (i32.const 16) "store")
  (elem (i32.const 0) $one $one $one)
  (func $one (result i32) (i32.const 1))
  (func $start
    (drop (memory.grow (i32.const 1)))
    (i32.store (i32.const 64) (memory.size))
    (global.set 0 (i32.const 7)))
  (start $start)
  (func (export "put") (param i32 i32)
    (i32.store (local.get 0) (local.get 1)))
  (func (export "wait") (param i32) (result i32) (call $wait (local.get 0))))`);

/** Takes entries 3 and 4 of the table; changes entry 5 and the memory when it starts. */
const library = assemble(`(module
  (import "store" "memory" (memory 2))
  (import "store" "table" (table 8 funcref))
  (import "store" "count" (global $count (mut i32)))
  (import "store" "put" (func $put (param i32 i32)))
  (global $own (mut i64) (i64.const 0x7ff8dead0000beef))
  (elem (i32.const 3) $two $two)
  (func $two (result i32) (i32.const 2))
  (func $start
    (table.set 0 (i32.const 5) (ref.func $two))
    (global.set $count (i32.add (global.get $count) (memory.size)))
    (call $put (i32.const 68) (global.get $count)))
  (start $start)
  (func (export "spoil") (param i32)
    (global.set $own (i64.extend_i32_u (local.get 0)))
    (global.set $count (local.get 0))
    (table.set 0 (i32.const 1) (ref.func $two))
    (table.set 0 (i32.const 3) (ref.null func))
    (memory.fill (i32.const 0x8000) (local.get 0) (i32.const 0x9000)))
  (func (export "own") (result i64) (global.get $own))
  (func (export "size") (result i32) (memory.size))
  (func (export "spin") (loop (br 0))))`);

const main = assemble(`(module
  (import "host" "tell" (func $tell (param i32)))
  (import "host" "ask" (func $ask (result i32)))
  (import "store" "memory" (memory 3))
  (import "store" "table" (table $table 8 funcref))
  (import "store" "count" (global $count (mut i32)))
  (import "store" "put" (func $put (param i32 i32)))
  (import "store" "wait" (func $wait (param i32) (result i32)))
  (import "library" "spoil" (func $spoil (param i32)))
  (import "library" "own" (func $own (result i64)))
  (import "library" "size" (func $size (result i32)))
  (import "library" "spin" (func $spin))
  (type $number (func (result i32)))
  (global $mark (mut i32) (i32.const 3))
  (elem declare func $three)
  (func $three (result i32) (i32.const 3))
  (func $start
    (global.set $mark (i32.const 4))
    (call $put (i32.const 72) (i32.const 11)))
  (start $start)

  ;; Tells all that a run can see of the state: memory, sizes, globals, entries of the table.
  (func $look
    (local $at i32) (local $sum i32) (local $entry i32)
    (loop $words
      (local.set $sum (i32.rotl
        (i32.add (local.get $sum) (i32.load (local.get $at))) (i32.const 5)))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $words (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))))
    (call $tell (local.get $sum))
    (call $tell (memory.size))
    (call $tell (call $size))
    (call $tell (global.get $count))
    (call $tell (global.get $mark))
    (call $tell (i32.wrap_i64 (call $own)))
    (call $tell (i32.wrap_i64 (i64.shr_u (call $own) (i64.const 32))))
    (loop $entries
      (if (ref.is_null (table.get $table (local.get $entry)))
        (then (call $tell (i32.const -1)))
        (else (call $tell (call_indirect (type $number) (local.get $entry)))))
      (local.set $entry (i32.add (local.get $entry) (i32.const 1)))
      (br_if $entries (i32.lt_u (local.get $entry) (i32.const 8)))))

  ;; Changes all of it, in each of the cores, by the run's own number.
  (func $change (param $number i32)
    (drop (memory.grow (i32.const 1)))
    (call $put (i32.const 0x30ff0) (local.get $number))
    (i32.store (i32.const 72) (local.get $number))
    (i32.store8 (i32.const 0x2ffff) (local.get $number))
    (global.set $mark (local.get $number))
    (table.set $table (i32.const 0) (ref.func $three))
    (table.set $table (i32.const 7) (ref.func $three))
    (call $spoil (local.get $number)))

  (func (export "run")
    (call $look)
    (call $change (call $ask))
    (drop (call $wait (i32.const 0)))
    (call $tell (call $size)))
  (func (export "sizes")
    (call $tell (memory.grow (i32.const 2)))
    (call $tell (memory.size))
    (call $tell (call $size))
    (call $tell (memory.grow (i32.const 100))))
  (func (export "spin") (call $spin))
  (func (export "trap") (drop (call $wait (i32.const 0))) unreachable)
  ;; Waits for that number, and tells what it got.
  (func (export "aside") (param i32) (result i32)
    (local $got i32)
    (local.set $got (call $wait (local.get 0)))
    (call $tell (local.get $got))
    (local.get $got))
  (func (export "join")
    (call $tell (call $wait (i32.const 0)))))`);

function fromStore(names: readonly string[]): readonly Link[] {
  return names.map((name) => ({ module: 'store', name, core: 0, export: name }));
}

function fromLibrary(names: readonly string[]): readonly Link[] {
  return names.map((name) => ({ module: 'library', name, core: 1, export: name }));
}

export const linkedCores = [
  { bytes: store, links: [] },
  { bytes: library, links: fromStore(['memory', 'table', 'count', 'put']) },
  {
    bytes: main,
    links: [
      ...fromStore(['memory', 'table', 'count', 'put', 'wait']),
      ...fromLibrary(['spoil', 'own', 'size', 'spin']),
    ],
  },
];

/** Two memories, each of a core of its own, whose cards have the same numbers. */
const left = assemble(`(module
  (memory (export "memory") 1)
  (func (export "put") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "get") (param i32) (result i32) (i32.load (local.get 0))))`);

const right = assemble(`(module
  (import "host" "tell" (func $tell (param i32)))
  (import "host" "ask" (func $ask (result i32)))
  (import "left" "put" (func $put (param i32 i32)))
  (import "left" "get" (func $get (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "run")
    (local $number i32)
    (call $tell (i32.load (i32.const 0x4000)))
    (call $tell (call $get (i32.const 0x4000)))
    (call $tell (i32.load (i32.const 0x8000)))
    (call $tell (call $get (i32.const 0x8000)))
    (local.set $number (call $ask))
    (i32.store (i32.const 0x4000) (local.get $number))
    (call $put (i32.const 0x8000) (local.get $number))))`);

export const apartCores = [
  { bytes: left, links: [] },
  {
    bytes: right,
    links: ['put', 'get'].map((name) => ({ module: 'left', name, core: 0, export: name })),
  },
];

/** The start function of its second core asks the host, and `run` tells the answer. */
const curious = assemble(`(module
  (import "host" "wait" (func $wait (param i32) (result i32)))
  (import "left" "put" (func $put (param i32 i32)))
  (func $start (call $put (i32.const 16) (call $wait (i32.const 7))))
  (start $start))`);

const teller = assemble(`(module
  (import "host" "tell" (func $tell (param i32)))
  (import "left" "get" (func $get (param i32) (result i32)))
  (func (export "run") (call $tell (call $get (i32.const 16)))))`);

export const curiousCores = [
  { bytes: left, links: [] },
  { bytes: curious, links: [{ module: 'left', name: 'put', core: 0, export: 'put' }] },
  { bytes: teller, links: [{ module: 'left', name: 'get', core: 0, export: 'get' }] },
];
