;; Imports in the way of an early AssemblyScript library: module "http_guest", language-level types.
;; Refused, with that module named.
(module
  (import "http_guest" "resp_set_body" (func (param i32 i32) (result i32)))
  (import "http_guest" "req_get_path" (func (param i32) (result i32)))

  (memory (export "memory") 1)

  (func (export "run"))
)
