;; Answers the path. Its allocator is not exported: it is entry 1 of the exported function table,
;; and free is entry 2, as told to init_mm.
(module
  (import "env" "hostcall_init_mm" (func $init_mm (param i32 i32)))
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  (table (export "__indirect_function_table") 3 funcref)
  (elem (i32.const 1) $malloc $free)
  (func $malloc (param $size i32) (result i32)
    (local $ptr i32)
    (local.set $ptr (global.get $top))
    (global.set $top
      (i32.and (i32.add (i32.add (local.get $ptr) (local.get $size)) (i32.const 7)) (i32.const -8)))
    (local.get $ptr))
  (func $free (param i32))
  (global $top (mut i32) (i32.const 0x1000))

  (func (export "run")
    (call $init_mm (i32.const 1) (i32.const 2))
    (call $req_get_path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 200)))
    (drop
      (call $resp_set_body
        (i32.const 0) (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44)))))
)
