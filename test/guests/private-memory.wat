;; Answers "hello" with a memory that is not exported, and without an allocator.
(module
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory 1)

  (data (i32.const 0x10) "hello\n")

  (func (export "run")
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 200)))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x10) (i32.const 6))))
)
