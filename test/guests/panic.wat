;; Reports "asked to panic" to panic_hook, then traps, as a Rust guest does.
(module
  (import "env" "hostcall_panic_hook" (func $panic_hook (param i32 i32)))

  (memory (export "memory") 1)

  (data (i32.const 0x10) "asked to panic")

  (func (export "run")
    (call $panic_hook (i32.const 0x10) (i32.const 14))
    (unreachable))
)
