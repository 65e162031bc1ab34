/** Guests that hold something and sleep, for attacks on what can be held. */
import { assemble } from './assemble.ts';

/** A WASI program that runs `before` and then sleeps for longer than a run may take. */
export function sleeper(parts: {
  readonly memories: string;
  readonly before?: string;
}): Promise<Uint8Array> {
  return assemble(`(module
    (import "wasi_snapshot_preview1" "poll_oneoff"
      (func $poll (param i32 i32 i32 i32) (result i32)))
    ${parts.memories}
    (func (export "_start") (local $at i32)
      ${parts.before ?? ''}
      ;; One subscription at 0x100: a monotonic clock, a minute from now.
      (i64.store (i32.const 0x100) (i64.const 0))
      (i32.store (i32.const 0x108) (i32.const 0))
      (i32.store (i32.const 0x110) (i32.const 1))
      (i64.store (i32.const 0x118) (i64.const 60000000000))
      (i64.store (i32.const 0x120) (i64.const 1))
      (i32.store (i32.const 0x128) (i32.const 0))
      (drop (call $poll (i32.const 0x100) (i32.const 0x200) (i32.const 1) (i32.const 0x300)))))`);
}
