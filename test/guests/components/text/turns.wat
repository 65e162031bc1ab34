;; Two tasks of one component take turns: the caller starts both, they wait for each other by a
;; word of memory and yields, and the answer is good when each has found its own context.
(component
  (component $Callee
    (core module $Code
      (import "" "return" (func $return (param i32)))
      (import "" "get" (func $get (result i32)))
      (import "" "set" (func $set (param i32)))
      (global $begun (mut i32) (i32.const 0))
      (func (export "f") (param $n i32) (result i32)
        (call $set (local.get $n))
        (global.set $begun (i32.add (global.get $begun) (i32.const 1)))
        (i32.const 1))
      (func (export "callback") (param i32 i32 i32) (result i32)
        (local $left i32)
        ;; Long enough to be put off in the middle.
        (local.set $left (i32.const 1000000))
        (loop (br_if 0 (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
        (if (i32.lt_u (global.get $begun) (i32.const 2)) (then (return (i32.const 1))))
        (call $return (call $get))
        (i32.const 0)))
    (canon task.return (result u32) (core func $return))
    (canon context.get i32 0 (core func $get))
    (canon context.set i32 0 (core func $set))
    (core instance $code (instantiate $Code (with "" (instance
      (export "return" (func $return)) (export "get" (func $get)) (export "set" (func $set))))))
    (func (export "f") async (param "n" u32) (result u32)
      (canon lift (core func $code "f") async (callback (core func $code "callback")))))
  (component $Caller
    (import "f" (func $f async (param "n" u32) (result u32)))
    (core module $Memory (memory (export "memory") 1))
    (core instance $memory (instantiate $Memory))
    (canon lower (func $f) async (memory (core memory $memory "memory")) (core func $lowered))
    (canon waitable-set.new (core func $set-new))
    (canon waitable.join (core func $join))
    (canon waitable-set.wait (memory (core memory $memory "memory")) (core func $wait))
    (core module $Code
      (import "" "memory" (memory 1))
      (import "" "f" (func $f (param i32 i32) (result i32)))
      (import "" "set" (func $set (result i32)))
      (import "" "join" (func $join (param i32 i32)))
      (import "" "wait" (func $wait (param i32 i32) (result i32)))
      (func (export "run") (result i32)
        (local $set i32)
        (local.set $set (call $set))
        (call $join (i32.shr_u (call $f (i32.const 7) (i32.const 16)) (i32.const 4))
          (local.get $set))
        (call $join (i32.shr_u (call $f (i32.const 9) (i32.const 20)) (i32.const 4))
          (local.get $set))
        (drop (call $wait (local.get $set) (i32.const 0)))
        (drop (call $wait (local.get $set) (i32.const 0)))
        ;; 0 is the good end.
        (i32.or
          (i32.ne (i32.load (i32.const 16)) (i32.const 7))
          (i32.ne (i32.load (i32.const 20)) (i32.const 9)))))
    (core instance $code (instantiate $Code (with "" (instance
      (export "memory" (memory $memory "memory"))
      (export "f" (func $lowered)) (export "set" (func $set-new))
      (export "join" (func $join)) (export "wait" (func $wait))))))
    (func (export "run") async (result (result)) (canon lift (core func $code "run"))))
  (instance $callee (instantiate $Callee))
  (instance $caller (instantiate $Caller (with "f" (func $callee "f"))))
  (instance $run (export "run" (func $caller "run")))
  (export "wasi:cli/run@0.3.0" (instance $run)))
