;; Tries to smuggle a header line "x-injected" into the answer. The body is the result of each
;; attempt as a digit, 1 = refused: value with CR LF, value with LF, value with NUL,
;; name with CR LF, name with a space, empty name.
(module
  (import "env" "hostcall_resp_set_header"
    (func $resp_set_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  (data (i32.const 0x100) "x-evil")
  (data (i32.const 0x110) "a\r\nx-injected: 1")
  (data (i32.const 0x130) "a\nx-injected: 1")
  (data (i32.const 0x150) "a\00b")
  (data (i32.const 0x160) "x-injected: 1\r\nx")
  (data (i32.const 0x180) "x evil")
  (data (i32.const 0x190) "fine")
  (data (i32.const 0x1a0) "??????\n")
  (data (i32.const 0x200) "\10\01\00\00\10\00\00\00")
  (data (i32.const 0x208) "\30\01\00\00\0f\00\00\00")
  (data (i32.const 0x210) "\50\01\00\00\03\00\00\00")
  (data (i32.const 0x218) "\90\01\00\00\04\00\00\00")

  (func $try (param $digit i32) (param $name i32) (param $nameLen i32) (param $values i32)
    (i32.store8 (local.get $digit)
      (i32.add
        (i32.const 48)
        (call $resp_set_header
          (i32.const 0)
          (local.get $name) (local.get $nameLen) (local.get $values) (i32.const 1)))))

  (func (export "run")
    (call $try (i32.const 0x1a0) (i32.const 0x100) (i32.const 6) (i32.const 0x200))
    (call $try (i32.const 0x1a1) (i32.const 0x100) (i32.const 6) (i32.const 0x208))
    (call $try (i32.const 0x1a2) (i32.const 0x100) (i32.const 6) (i32.const 0x210))
    (call $try (i32.const 0x1a3) (i32.const 0x160) (i32.const 16) (i32.const 0x218))
    (call $try (i32.const 0x1a4) (i32.const 0x180) (i32.const 6) (i32.const 0x218))
    (call $try (i32.const 0x1a5) (i32.const 0x100) (i32.const 0) (i32.const 0x218))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x1a0) (i32.const 7))))
)
