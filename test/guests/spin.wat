;; Counts to the number that ends the path times one million, then answers "spun": some
;; milliseconds of CPU time for each million, without a hostcall in between.
(module
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  ;; Hands out memory upwards, 8-aligned, growing it when needed; nothing is ever taken back.
  (global $top (mut i32) (i32.const 0x1000))
  (func $malloc (export "default_malloc_impl") (param $size i32) (result i32)
    (local $ptr i32)
    (local $short i32)
    (local.set $ptr (global.get $top))
    (global.set $top
      (i32.and (i32.add (i32.add (local.get $ptr) (local.get $size)) (i32.const 7)) (i32.const -8)))
    (local.set $short (i32.sub (global.get $top) (i32.shl (memory.size) (i32.const 16))))
    (if (i32.gt_s (local.get $short) (i32.const 0))
      (then
        (drop
          (memory.grow (i32.shr_u (i32.add (local.get $short) (i32.const 65535)) (i32.const 16))))))
    (local.get $ptr))
  (func (export "default_free_impl") (param i32))

  ;; The number that ends the path: 503 for "/x.wasm/503"; 0 when no digit ends it.
  (func $pathNumber (result i32)
    (local $at i32)
    (local $number i32)
    (local $unit i32)
    (local $digit i32)
    (call $req_get_path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (local.set $at (i32.add (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44))))
    (local.set $unit (i32.const 1))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $at) (i32.load (i32.const 0x40))))
        (local.set $at (i32.sub (local.get $at) (i32.const 1)))
        (local.set $digit (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))
        (br_if $done (i32.gt_u (local.get $digit) (i32.const 9)))
        (local.set $number
          (i32.add (local.get $number) (i32.mul (local.get $digit) (local.get $unit))))
        (local.set $unit (i32.mul (local.get $unit) (i32.const 10)))
        (br $next)))
    (local.get $number))

  (data (i32.const 0x80) "spun\n")

  (func (export "run")
    (local $left i64)
    (local.set $left (i64.mul (i64.extend_i32_u (call $pathNumber)) (i64.const 1000000)))
    (block $done
      (loop $next
        (br_if $done (i64.eqz (local.get $left)))
        ;; A store, so that no compiler can leave the loop out.
        (i64.store (i32.const 0x88) (local.get $left))
        (local.set $left (i64.sub (local.get $left) (i64.const 1)))
        (br $next)))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x80) (i32.const 5))))
)
