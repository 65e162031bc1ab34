;; Grows memory to 64 MiB and sets all of it as the body: more than an answer may have. Answers
;; "refused" when the host refuses it with 1.
(module
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  (data (i32.const 0x10) "refused\n")

  (func (export "run")
    (drop (memory.grow (i32.const 1023)))
    (if (call $resp_set_body (i32.const 0) (i32.const 0) (i32.const 0x4000000))
      (then (drop (call $resp_set_body (i32.const 0) (i32.const 0x10) (i32.const 8))))))
)
