;; Imports names that a careless look-up in a JavaScript object would find: refused.
(module
  (import "__proto__" "constructor" (func))
  (import "env" "__proto__" (func))
  (import "env" "toString" (func))
  (import "constructor" "prototype" (func))

  (memory (export "memory") 1)

  (func (export "run"))
)
