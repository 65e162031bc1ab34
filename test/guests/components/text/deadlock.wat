;; Waits for a call of another component, which waits for an event of an empty set.
(component
  (component $Callee
    (core module $Code
      (import "" "set" (func $set (result i32)))
      (func (export "f") (result i32)
        (i32.or (i32.const 2) (i32.shl (call $set) (i32.const 4))))
      (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
    (canon waitable-set.new (core func $set))
    (core instance $code (instantiate $Code (with "" (instance (export "set" (func $set))))))
    (func (export "f") async
      (canon lift (core func $code "f") async (callback (core func $code "callback")))))
  (component $Caller
    (import "f" (func $f async))
    (canon lower (func $f) (core func $lowered))
    (core module $Code
      (import "" "f" (func $f))
      (func (export "run") (result i32) (call $f) (i32.const 0)))
    (core instance $code (instantiate $Code (with "" (instance (export "f" (func $lowered))))))
    (func (export "run") async (result (result)) (canon lift (core func $code "run"))))
  (instance $callee (instantiate $Callee))
  (instance $caller (instantiate $Caller (with "f" (func $callee "f"))))
  (instance $run (export "run" (func $caller "run")))
  (export "wasi:cli/run@0.3.0" (instance $run)))
