;; Sets the status to 201, 202, then to the invalid 99, and the body twice:
;; the answer is 202 and "second".
(module
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  (data (i32.const 0x10) "first\n")
  (data (i32.const 0x20) "second\n")

  (func (export "run")
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 201)))
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 202)))
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 99)))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x10) (i32.const 6)))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x20) (i32.const 7))))
)
