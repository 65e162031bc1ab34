;; Never returns and calls nothing: only a metered or killed guest ends.
(module
  (import "env" "hostcall_init_mm" (func $init_mm (param i32 i32)))

  (memory (export "memory") 1)

  (func (export "run") (loop $again (br $again)))
)
