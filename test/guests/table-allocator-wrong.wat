;; Tells init_mm of entry 7, which the table has not, and of entry 0, which is null. Needs room for
;; the path: the guest traps, or the host finds room in another way and the answer is the path.
(module
  (import "env" "hostcall_init_mm" (func $init_mm (param i32 i32)))
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  (table (export "__indirect_function_table") 3 funcref)

  (func (export "run")
    (call $init_mm (i32.const 7) (i32.const 0))
    (call $req_get_path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 200)))
    (drop
      (call $resp_set_body
        (i32.const 0) (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44)))))
)
