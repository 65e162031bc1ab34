;; Counts its runs in a global and in memory and answers the greater count as a digit.
;; With fresh state for every request the answer is always "1".
(module
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  (global $runs (mut i32) (i32.const 0))
  (data (i32.const 0x10) "?\n")

  ;; The count in memory is the word at 0x20.
  (func (export "run")
    (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
    (i32.store (i32.const 0x20) (i32.add (i32.load (i32.const 0x20)) (i32.const 1)))
    (i32.store8 (i32.const 0x10)
      (i32.add
        (i32.const 48)
        (select
          (global.get $runs)
          (i32.load (i32.const 0x20))
          (i32.gt_u (global.get $runs) (i32.load (i32.const 0x20))))))
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 200)))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x10) (i32.const 2))))
)
