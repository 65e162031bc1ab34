;; Imports env.abort, as AssemblyScript does. Answers "hello" on any path but one that ends in "!":
;; then it calls abort("asked to abort", "guest.ts", 7, 9), which must end it. Strings there are
;; UTF-16, their length in bytes is the word in front of them.
(module
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))
  (import "env" "abort" (func $abort (param i32 i32 i32 i32)))

  (memory (export "memory") 1)

  ;; Hands out memory upwards, 8-aligned, growing it when needed; nothing is ever taken back.
  (global $top (mut i32) (i32.const 0x1000))
  (func $malloc (export "default_malloc_impl") (param $size i32) (result i32)
    (local $ptr i32)
    (local $short i32)
    (local.set $ptr (global.get $top))
    (global.set $top
      (i32.and (i32.add (i32.add (local.get $ptr) (local.get $size)) (i32.const 7)) (i32.const -8)))
    (local.set $short (i32.sub (global.get $top) (i32.shl (memory.size) (i32.const 16))))
    (if (i32.gt_s (local.get $short) (i32.const 0))
      (then
        (drop
          (memory.grow (i32.shr_u (i32.add (local.get $short) (i32.const 65535)) (i32.const 16))))))
    (local.get $ptr))
  (func (export "default_free_impl") (param i32))

  (data (i32.const 0x10) "hello\n")
  (data (i32.const 0x9c)
    "\1c\00\00\00a\00s\00k\00e\00d\00 \00t\00o\00 \00a\00b\00o\00r\00t\00")
  (data (i32.const 0xdc) "\10\00\00\00g\00u\00e\00s\00t\00.\00t\00s\00")

  (func (export "run")
    (call $req_get_path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (if
      (i32.eq
        (i32.load8_u
          (i32.sub
            (i32.add (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44)))
            (i32.const 1)))
        (i32.const 33))
      (then (call $abort (i32.const 0xa0) (i32.const 0xe0) (i32.const 7) (i32.const 9))))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x10) (i32.const 6))))
)
