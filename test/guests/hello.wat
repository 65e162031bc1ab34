;; Answers one line of text.
(module
  (import "env" "hostcall_resp_set_header"
    (func $resp_set_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  ;; A header value is a list of slices: here one slice, its pointer 0x30 and its length 24.
  (data (i32.const 0x10) "content-type")
  (data (i32.const 0x30) "text/plain;charset=utf-8")
  (data (i32.const 0x50) "\30\00\00\00\18\00\00\00")
  (data (i32.const 0x80) "hello\n")

  (func (export "run")
    (drop
      (call $resp_set_header
        (i32.const 0) (i32.const 0x10) (i32.const 12) (i32.const 0x50) (i32.const 1)))
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 200)))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x80) (i32.const 6))))
)
