;; Exports no function run: refused.
(module
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  (func (export "handle"))
)
