;; Sets status 500 and a body, then panics and traps: the answer is the guest's own 500.
(module
  (import "env" "hostcall_panic_hook" (func $panic_hook (param i32 i32)))
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  (data (i32.const 0x10) "the database is down\n")

  (func (export "run")
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 500)))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x10) (i32.const 21)))
    (call $panic_hook (i32.const 0x10) (i32.const 20))
    (unreachable))
)
