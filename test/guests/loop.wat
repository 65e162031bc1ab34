;; Never returns and calls nothing: only a metered or killed guest ends.
(module
  (memory (export "memory") 1)

  (func (export "run") (loop $again (br $again)))
)
