;; Declares 65,536 pages (4 GiB) of memory from the start: refused by a limit.
(module
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 65536)

  (func (export "run"))
)
