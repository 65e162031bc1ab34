;; Imports its memory from the host, which gives none: refused, naming env.memory.
(module
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))
  (import "env" "memory" (memory 1))

  (func (export "run"))
)
