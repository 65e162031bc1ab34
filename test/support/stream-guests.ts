/** Services of WASI 0.3 that make much of streams, each named for what it does. */
import { noCallback, serviceGuest } from './async-guests.ts';

const writer = '(i32.wrap_i64 (i64.shr_u (local.get $s) (i64.const 32)))';

/** Has so many streams, with a page under way in each that nobody reads, and waits with them. */
export function streamHoard(count: number): Uint8Array<ArrayBuffer> {
  return serviceGuest(
    `(func (export "handle") (param i32) (local $s i64) (local $left i32)
      (local.set $left (i32.const ${count}))
      (loop $more
        (local.set $s (call $stream))
        (drop (call $write ${writer} (i32.const 0) (i32.const 4096)))
        (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      (call $sleep (i64.const 60000000000)))`,
    { callback: false },
  );
}

/** Answers without end, a byte at a time. */
export const byteStream = serviceGuest(
  `${noCallback}
  (func (export "handle") (param i32) (result i32)
    (call $begin)
    (loop $more
      (drop (call $write-sync (global.get $out) (i32.const 0) (i32.const 1)))
      (br $more))
    (i32.const 0))`,
);
