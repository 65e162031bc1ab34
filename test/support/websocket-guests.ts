/** Programs for WebSockets, one per connection. */
import { assemble } from './abi-puppet.ts';

const IMPORTS = `
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (func $print (param $ptr i32) (param $len i32)
    (i32.store (i32.const 0) (local.get $ptr))
    (i32.store (i32.const 4) (local.get $len))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  ;; Bytes read to 65536, 0 at the end.
  (func $next (result i32)
    (i32.store (i32.const 0) (i32.const 65536))
    (i32.store (i32.const 4) (i32.const 65536))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.load (i32.const 8)))
  (func $spin (param $rounds i32)
    (loop $more
      (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
      (br_if $more (local.get $rounds))))`;

/** Returns every byte; returns at the end of its input. */
export function echoGuest(): Promise<Uint8Array> {
  return assemble(`(module ${IMPORTS}
    (func (export "_start") (local $count i32)
      (block $end (loop $more
        (br_if $end (i32.eqz (local.tee $count (call $next))))
        (call $print (i32.const 65536) (local.get $count))
        (br $more)))))`);
}

/** Answers each message with how many there were, one digit. */
export function counterGuest(): Promise<Uint8Array> {
  return assemble(`(module ${IMPORTS}
    (data (i32.const 1024) "0\\n")
    (func (export "_start")
      (block $end (loop $more
        (br_if $end (i32.eqz (call $next)))
        (i32.store8 (i32.const 1024)
          (i32.add (i32.load8_u (i32.const 1024)) (i32.const 1)))
        (call $print (i32.const 1024) (i32.const 2))
        (br $more)))))`);
}

/** Sends its environment, a variable a line, and ends. */
export function environmentGuest(): Promise<Uint8Array> {
  return assemble(`(module ${IMPORTS}
    (func (export "_start") (local $at i32)
      (drop (call $environ (i32.const 4096) (i32.const 65536)))
      (local.set $at (i32.const 65536))
      (block $end (loop $more
        (if (i32.eqz (i32.load8_u (local.get $at)))
          (then
            (br_if $end (i32.eqz (i32.load8_u (i32.add (local.get $at) (i32.const 1)))))
            (i32.store8 (local.get $at) (i32.const 10))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $more)))
      (call $print (i32.const 65536) (i32.sub (local.get $at) (i32.const 65536)))))`);
}

/**
 * Does what the first letter of a message says: `x` exit 0, `7` exit 7, `o` exit 4001, `t` trap,
 * `s` spin for ever, `b` spin for a while and answer, `f` send lines of 16 KiB for ever, `l` send a
 * line of 64 KiB, `q` stop reading, `p` a last line without its end. At the end of its input it
 * says nothing and waits for ever.
 */
export function puppetGuest(): Promise<Uint8Array> {
  const on = (letter: string, act: string) =>
    `(if (i32.eq (local.get $letter) (i32.const ${letter.charCodeAt(0)})) (then ${act}))`;
  // A subscription to a clock: an hour.
  const wait = `
    (i64.store (i32.const 2048) (i64.const 0))
    (i32.store8 (i32.const 2056) (i32.const 0))
    (i32.store (i32.const 2064) (i32.const 1))
    (i64.store (i32.const 2072) (i64.const 3600000000000))
    (drop (call $poll (i32.const 2048) (i32.const 2304) (i32.const 1) (i32.const 2560)))`;
  const flood = `
    (memory.fill (i32.const 131072) (i32.const 121) (i32.const 16384))
    (i32.store8 (i32.const 147455) (i32.const 10))
    (loop $ever (call $print (i32.const 131072) (i32.const 16384)) (br $ever))`;
  return assemble(`(module ${IMPORTS}
    (data (i32.const 1024) "done\\n")
    (func (export "_start") (local $letter i32)
      (block $end (loop $more
        (br_if $end (i32.eqz (call $next)))
        (local.set $letter (i32.load8_u (i32.const 65536)))
        ${on('x', '(call $exit (i32.const 0))')}
        ${on('7', '(call $exit (i32.const 7))')}
        ${on('o', '(call $exit (i32.const 4001))')}
        ${on('t', 'unreachable')}
        ${on('s', '(loop $ever (br $ever))')}
        ${on('b', '(call $spin (i32.const 20000000)) (call $print (i32.const 1024) (i32.const 5))')}
        ${on('f', flood)}
        ${on('l', '(call $print (i32.const 131072) (i32.const 65536))')}
        ${on('q', wait)}
        ${on('p', '(call $print (i32.const 1024) (i32.const 4)) (call $exit (i32.const 0))')}
        (br $more)))
      ${wait}))`);
}
