;; Sets the body first, then status 201, then a header: the answer is sent only after run.
(module
  (import "env" "hostcall_resp_set_header"
    (func $resp_set_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  (data (i32.const 0x10) "body first\n")
  (data (i32.const 0x20) "x-late")
  (data (i32.const 0x28) "yes")
  (data (i32.const 0x30) "\28\00\00\00\03\00\00\00")

  (func (export "run")
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x10) (i32.const 11)))
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 201)))
    (drop
      (call $resp_set_header
        (i32.const 0) (i32.const 0x20) (i32.const 6) (i32.const 0x30) (i32.const 1))))
)
