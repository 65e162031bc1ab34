;; Inserts values of 1 KiB under the keys 0, 1, 2 ... as many as the number that ends the path says,
;; and answers "granted N": how many keys were new. Past a limit of the host it traps.
(module
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_kvstore_insert"
    (func $kvstore_insert (param i32 i32 i32 i32) (result i32)))
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

  ;; Writes $number in decimal so that it ends at 0x100, and answers where it begins.
  (func $writeDecimal (param $number i32) (result i32)
    (local $at i32)
    (local.set $at (i32.const 0x100))
    (loop $next
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at)
        (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
      (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
      (br_if $next (local.get $number)))
    (local.get $at))

  ;; Answers "granted N".
  (func $answerNumber (param $number i32)
    (local $at i32)
    (local.set $at (i32.sub (call $writeDecimal (local.get $number)) (i32.const 8)))
    (memory.copy (local.get $at) (i32.const 0x80) (i32.const 8))
    (i32.store8 (i32.const 0x100) (i32.const 10))
    (drop
      (call $resp_set_body
        (i32.const 0) (local.get $at) (i32.sub (i32.const 0x101) (local.get $at)))))

  (data (i32.const 0x80) "granted ")

  (func (export "run")
    (local $count i32)
    (local $index i32)
    (local $key i32)
    (local $granted i32)
    (local.set $count (call $pathNumber))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $index) (local.get $count)))
        (local.set $key (call $writeDecimal (local.get $index)))
        (local.set $granted
          (i32.add
            (local.get $granted)
            (call $kvstore_insert
              (local.get $key) (i32.sub (i32.const 0x100) (local.get $key))
              (i32.const 0x400) (i32.const 1024))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    (call $answerNumber (local.get $granted)))
)
