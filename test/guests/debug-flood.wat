;; Writes 100,000 debug lines of 1 KiB, then answers "ok": logging has to be bounded.
(module
  (import "env" "hostcall_debug" (func $debug (param i32 i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  (data (i32.const 0x10) "ok\n")

  (func (export "run")
    (local $left i32)
    (memory.fill (i32.const 0x100) (i32.const 97) (i32.const 1024))
    (local.set $left (i32.const 100000))
    (loop $next
      (call $debug (i32.const 0x100) (i32.const 1024))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left)))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x10) (i32.const 3))))
)
