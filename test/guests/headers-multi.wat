;; Headers with several values, replaced values and removed ones:
;;   set-cookie  two values, so two lines
;;   x-multi     three values, so three lines
;;   x-twice     set to "first", then to "second": only the second is sent
;;   x-gone      set, then set to no values: not sent
(module
  (import "env" "hostcall_resp_set_header"
    (func $resp_set_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  (data (i32.const 0x100) "set-cookie") (data (i32.const 0x110) "a=1; Path=/")
  (data (i32.const 0x120) "b=2; HttpOnly")
  (data (i32.const 0x140) "x-multi") (data (i32.const 0x150) "one")
  (data (i32.const 0x154) "two") (data (i32.const 0x158) "three")
  (data (i32.const 0x160) "x-twice") (data (i32.const 0x168) "first")
  (data (i32.const 0x170) "second")
  (data (i32.const 0x180) "x-gone")
  (data (i32.const 0x190) "headers\n")
  ;; The lists of slices {pointer, length}: cookies, multi, first, second.
  (data (i32.const 0x200) "\10\01\00\00\0b\00\00\00\20\01\00\00\0d\00\00\00")
  (data (i32.const 0x210)
    "\50\01\00\00\03\00\00\00\54\01\00\00\03\00\00\00\58\01\00\00\05\00\00\00")
  (data (i32.const 0x230) "\68\01\00\00\05\00\00\00")
  (data (i32.const 0x238) "\70\01\00\00\06\00\00\00")

  (func $set (param $name i32) (param $nameLen i32) (param $values i32) (param $count i32)
    (drop
      (call $resp_set_header
        (i32.const 0)
        (local.get $name) (local.get $nameLen) (local.get $values) (local.get $count))))

  (func (export "run")
    (call $set (i32.const 0x100) (i32.const 10) (i32.const 0x200) (i32.const 2))
    (call $set (i32.const 0x140) (i32.const 7) (i32.const 0x210) (i32.const 3))
    (call $set (i32.const 0x160) (i32.const 7) (i32.const 0x230) (i32.const 1))
    (call $set (i32.const 0x160) (i32.const 7) (i32.const 0x238) (i32.const 1))
    (call $set (i32.const 0x180) (i32.const 6) (i32.const 0x230) (i32.const 1))
    (call $set (i32.const 0x180) (i32.const 6) (i32.const 0) (i32.const 0))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x190) (i32.const 8))))
)
