;; Sets 10,000 response headers x-000000 ... x-009999 with values of 1 KiB; answers "granted N":
;; how many the host took.
(module
  (import "env" "hostcall_resp_set_header"
    (func $resp_set_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

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
  (data (i32.const 0x90) "\00\10\00\00\00\04\00\00")

  (func (export "run")
    (local $index i32)
    (local $granted i32)
    (memory.fill (i32.const 0x1000) (i32.const 97) (i32.const 1024))
    (loop $next
      ;; The name is the eight bytes in front of 0x100.
      (i64.store (i32.const 0xf8) (i64.const 0x3030303030302d78))
      (drop (call $writeDecimal (local.get $index)))
      (local.set $granted
        (i32.add
          (local.get $granted)
          (i32.eqz
            (call $resp_set_header
              (i32.const 0) (i32.const 0xf8) (i32.const 8) (i32.const 0x90) (i32.const 1)))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $index) (i32.const 10000))))
    (call $answerNumber (local.get $granted)))
)
