;; Starts 1,000 GETs of the URL after "?" without waiting for any, and answers "granted N":
;; how many were given a pending handle. The number is limited, and none outlives the run.
(module
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_req_create" (func $req_create (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_req_send_async" (func $req_send_async (param i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

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

  ;; The address of the first byte $wanted in [$at, $end), or $end.
  (func $find (param $at i32) (param $end i32) (param $wanted i32) (result i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (br_if $done (i32.eq (i32.load8_u (local.get $at)) (local.get $wanted)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (local.get $at))

  ;; Out-words 0x40: the URL, all that stands after "?" in the path. Length 0 when there is none.
  (func $readUrl
    (local $end i32)
    (call $req_get_path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (local.set $end (i32.add (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44))))
    (i32.store (i32.const 0x40)
      (i32.add
        (call $find (i32.load (i32.const 0x40)) (local.get $end) (i32.const 63))
        (i32.const 1)))
    (i32.store (i32.const 0x44)
      (select
        (i32.sub (local.get $end) (i32.load (i32.const 0x40)))
        (i32.const 0)
        (i32.lt_u (i32.load (i32.const 0x40)) (local.get $end)))))

  ;; Starts a GET of the URL and answers the pending handle, or -1.
  (func $startGet (result i32)
    (call $req_send_async
      (call $req_create
        (i32.const 0x20) (i32.const 3) (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44)))))

  ;; Writes $number in decimal so that it ends at 0x100, and answers where it begins.
  (func $writeDecimal (param $number i32) (result i32)
    (local $at i32)
    (local.set $at (i32.const 0x100))
    (loop $next
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at)
        (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
      (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
      (br_if $next (local.get $number)))
    (local.get $at))

  ;; Answers "granted N".
  (func $answerNumber (param $number i32)
    (local $at i32)
    (local.set $at (i32.sub (call $writeDecimal (local.get $number)) (i32.const 8)))
    (memory.copy (local.get $at) (i32.const 0x80) (i32.const 8))
    (i32.store8 (i32.const 0x100) (i32.const 10))
    (drop
      (call $resp_set_body
        (i32.const 0) (local.get $at) (i32.sub (i32.const 0x101) (local.get $at)))))

  (data (i32.const 0x20) "GET")
  (data (i32.const 0x80) "granted ")

  (func (export "run")
    (local $left i32)
    (local $granted i32)
    (call $readUrl)
    (local.set $left (i32.const 1000))
    (loop $next
      (local.set $granted
        (i32.add (local.get $granted) (i32.ne (call $startGet) (i32.const -1))))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left)))
    (call $answerNumber (local.get $granted)))
)
