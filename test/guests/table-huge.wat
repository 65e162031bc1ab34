;; Declares a table of ten million entries: refused by a limit.
(module
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  (func (export "run"))
  (table 10000000 funcref)
)
