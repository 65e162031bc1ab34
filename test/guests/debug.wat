;; Writes two debug lines, "a debug line" and "up to the NUL" (its length given as -1),
;; and answers "ok".
(module
  (import "env" "hostcall_debug" (func $debug (param i32 i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  (data (i32.const 0x10) "a debug line")
  (data (i32.const 0x20) "up to the NUL\00not this")
  (data (i32.const 0x40) "ok\n")

  (func (export "run")
    (call $debug (i32.const 0x10) (i32.const 12))
    (call $debug (i32.const 0x20) (i32.const -1))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x40) (i32.const 3))))
)
