;; The start section never returns: the limits hold there too.
(module
  (import "env" "hostcall_init_mm" (func $init_mm (param i32 i32)))

  (memory (export "memory") 1)

  (start $start)
  (func $start (loop $again (br $again)))
  (func (export "run"))
)
