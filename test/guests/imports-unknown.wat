;; Imports two functions that no host has: refused, with both names in the reason.
(module
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))
  (import "env" "nope" (func (param i32)))
  (import "wasi" "x" (func))

  (memory (export "memory") 1)

  (func (export "run"))
)
