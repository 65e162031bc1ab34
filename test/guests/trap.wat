;; Traps at once; has set nothing.
(module
  (memory (export "memory") 1)

  (func (export "run") (unreachable))
)
