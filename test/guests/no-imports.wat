;; Exports run and imports nothing at all: the answer is 200 with an empty body.
(module
  (func (export "run"))
)
