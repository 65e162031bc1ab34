;; Its run takes a parameter and gives a result: refused.
(module
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  (func (export "run") (param i32) (result i32) (local.get 0))
)
