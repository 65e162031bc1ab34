;; Calls itself without end: the stack overflows, the guest is at fault.
(module
  (import "env" "hostcall_init_mm" (func $init_mm (param i32 i32)))

  (memory (export "memory") 1)

  (func $recurse (param $depth i64) (result i64)
    (i64.add (i64.const 1) (call $recurse (i64.add (local.get $depth) (i64.const 1)))))

  (func (export "run") (drop (call $recurse (i64.const 0))))
)
