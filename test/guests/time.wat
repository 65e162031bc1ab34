;; Answers "SECONDS NANOSECONDS": the seconds since 1970 of a call with a place for the nanoseconds.
;; A first call passes 0 for that place, which must leave address 0 alone, else the guest traps.
(module
  (import "env" "hostcall_time_now" (func $time_now (param i32) (result i64)))
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

  ;; The answer is collected in a buffer that doubles when it is full.
  (global $out (mut i32) (i32.const 0))
  (global $outLen (mut i32) (i32.const 0))
  (global $outMax (mut i32) (i32.const 0))
  (func $put (param $ptr i32) (param $len i32)
    (local $need i32)
    (local $bigger i32)
    (local.set $need (i32.add (global.get $outLen) (local.get $len)))
    (if (i32.gt_u (local.get $need) (global.get $outMax))
      (then
        (global.set $outMax (i32.shl (local.get $need) (i32.const 1)))
        (local.set $bigger (call $malloc (global.get $outMax)))
        (memory.copy (local.get $bigger) (global.get $out) (global.get $outLen))
        (global.set $out (local.get $bigger))))
    (memory.copy
      (i32.add (global.get $out) (global.get $outLen)) (local.get $ptr) (local.get $len))
    (global.set $outLen (local.get $need)))

  ;; Puts $number in decimal.
  (func $putDecimal (param $number i64)
    (local $at i32)
    (local.set $at (i32.const 0x100))
    (loop $next
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i64.store8 (local.get $at)
        (i64.add (i64.const 48) (i64.rem_u (local.get $number) (i64.const 10))))
      (local.set $number (i64.div_u (local.get $number) (i64.const 10)))
      (br_if $next (i64.ne (local.get $number) (i64.const 0))))
    (call $put (local.get $at) (i32.sub (i32.const 0x100) (local.get $at))))

  (data (i32.const 0x80) " \n")

  (func (export "run")
    (i32.store (i32.const 0) (i32.const 0x5a5a5a5a))
    (drop (call $time_now (i32.const 0)))
    (if (i32.ne (i32.load (i32.const 0)) (i32.const 0x5a5a5a5a)) (then (unreachable)))
    (call $putDecimal (call $time_now (i32.const 0x40)))
    (call $put (i32.const 0x80) (i32.const 1))
    (call $putDecimal (i64.load32_u (i32.const 0x40)))
    (call $put (i32.const 0x81) (i32.const 1))
    (drop (call $resp_set_body (i32.const 0) (global.get $out) (global.get $outLen))))
)
