;; Creates 100,000 requests and sends none; answers "granted N": how many got a handle.
(module
  (import "env" "hostcall_req_create" (func $req_create (param i32 i32 i32 i32) (result i32)))
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

  (data (i32.const 0x20) "GET")
  (data (i32.const 0x30) "http://example.test/")
  (data (i32.const 0x80) "granted ")

  (func (export "run")
    (local $left i32)
    (local $granted i32)
    (local.set $left (i32.const 100000))
    (loop $next
      (local.set $granted
        (i32.add
          (local.get $granted)
          (i32.ne
            (call $req_create
              (i32.const 0x20) (i32.const 3) (i32.const 0x30) (i32.const 20))
            (i32.const -1))))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left)))
    (call $answerNumber (local.get $granted)))
)
