;; Imports a known hostcall with too few parameters: refused, naming it.
(module
  (import "env" "hostcall_resp_set_body" (func (param i32 i32) (result i32)))

  (memory (export "memory") 1)

  (func (export "run"))
)
