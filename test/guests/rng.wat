;; Answers two random numbers of 64 bits as 32 hexadecimal digits.
(module
  (import "env" "hostcall_rng_next_u64" (func $rng_next_u64 (result i64)))
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

  ;; Puts $len bytes at $at as hexadecimal digits.
  (data (i32.const 0x10) "0123456789abcdef")
  (func $putHex (param $at i32) (param $len i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $len)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $at) (local.get $end)))
        (call $put
          (i32.add
            (i32.const 0x10) (i32.shr_u (i32.load8_u (local.get $at)) (i32.const 4)))
          (i32.const 1))
        (call $put
          (i32.add
            (i32.const 0x10) (i32.and (i32.load8_u (local.get $at)) (i32.const 15)))
          (i32.const 1))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next))))

  (data (i32.const 0x80) "\n")

  (func (export "run")
    (i64.store (i32.const 0x20) (call $rng_next_u64))
    (i64.store (i32.const 0x28) (call $rng_next_u64))
    (call $putHex (i32.const 0x20) (i32.const 16))
    (call $put (i32.const 0x80) (i32.const 1))
    (drop (call $resp_set_body (i32.const 0) (global.get $out) (global.get $outLen))))
)
