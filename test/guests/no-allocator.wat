;; Asks for the path, but exports neither memory nor an allocator. Either the host finds room by
;; growing memory and the answer is the path, or the guest traps with that reason.
(module
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory 1)

  (func (export "run")
    (call $req_get_path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 200)))
    (drop
      (call $resp_set_body
        (i32.const 0) (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44)))))
)
