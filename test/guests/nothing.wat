;; Returns without a single hostcall: the answer is 200 with an empty body.
(module
  (memory (export "memory") 1)

  (func (export "run"))
)
