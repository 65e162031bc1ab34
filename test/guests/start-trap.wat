;; The start section traps: every request is answered 500.
(module
  (import "env" "hostcall_init_mm" (func $init_mm (param i32 i32)))

  (memory (export "memory") 1)

  (start $start)
  (func $start (unreachable))
  (func (export "run"))
)
