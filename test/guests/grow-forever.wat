;; Grows memory page by page and writes to each page until growing is refused, then answers
;; "refused after N pages" with the number of pages that were granted.
(module
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
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

  (data (i32.const 0x80) "refused after ")
  (data (i32.const 0x100) " pages\n")

  (func (export "run")
    (local $page i32)
    (local $granted i32)
    (local $number i32)
    (block $refused
      (loop $next
        (local.set $page (memory.grow (i32.const 1)))
        (br_if $refused (i32.eq (local.get $page) (i32.const -1)))
        (i32.store (i32.shl (local.get $page) (i32.const 16)) (i32.const 1))
        (local.set $granted (i32.add (local.get $granted) (i32.const 1)))
        (br $next)))
    ;; The words are joined in front of the number, which ends where " pages" begins.
    (local.set $number (call $writeDecimal (local.get $granted)))
    (local.set $number (i32.sub (local.get $number) (i32.const 14)))
    (memory.copy (local.get $number) (i32.const 0x80) (i32.const 14))
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 200)))
    (drop
      (call $resp_set_body
        (i32.const 0) (local.get $number) (i32.sub (i32.const 0x107) (local.get $number)))))
)
