;; Answers "hello". Also imports env.emscripten_notify_memory_growth, as standalone builds of
;; Emscripten do, and calls it after growing memory: the host may do nothing in it.
(module
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))
  (import "env" "emscripten_notify_memory_growth" (func $notify (param i32)))

  (memory (export "memory") 1)

  (data (i32.const 0x10) "hello\n")

  (func (export "run")
    (drop (memory.grow (i32.const 1)))
    (call $notify (i32.const 0))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x10) (i32.const 6))))
)
