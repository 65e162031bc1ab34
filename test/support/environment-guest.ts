import { assemble } from './abi-puppet.ts';

const head = String.raw`Content-Type: text/plain\0a\0a`;
const headBytes = 26;

/**
 * A WASI program that answers with its environment: `NAME=value`s, each with a NUL behind it.
 */
export function environmentGuest(): Promise<Uint8Array> {
  return assemble(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
    (memory (export "memory") 3)
    (data (i32.const 1024) "${head}")
    (func $print (param $fd i32) (param $ptr i32) (param $len i32)
      (i32.store (i32.const 0) (local.get $ptr))
      (i32.store (i32.const 4) (local.get $len))
      (drop (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
    (func (export "_start")
      (drop (call $environ (i32.const 4096) (i32.const 65536)))
      (call $print (i32.const 1) (i32.const 1024) (i32.const ${headBytes}))
      (call $print (i32.const 1) (i32.const 65536) (i32.const 2048))))`);
}
