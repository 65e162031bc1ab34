;; Fetches its own address, as the visitor named it, 32 times at once, and waits for all; answers
;; with the status of the last one and "storm". What it fetches does the same.
(module
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_req_get_header" (func $req_get_header (param i32 i32 i32 i32 i32)))
  (import "env" "hostcall_req_create" (func $req_create (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_req_send_async" (func $req_send_async (param i32) (result i32)))
  (import "env" "hostcall_pending_req_wait" (func $pending_req_wait (param i32) (result i32)))
  (import "env" "hostcall_resp_get_response_code"
    (func $resp_get_response_code (param i32) (result i32)))
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  ;; 0x80: 32 pending requests. 0x4000: the address. From 0x1000: what the host hands out.
  (global $top (mut i32) (i32.const 0x1000))
  (func $malloc (export "default_malloc_impl") (param $size i32) (result i32)
    (global.get $top)
    (global.set $top
      (i32.and (i32.add (i32.add (global.get $top) (local.get $size)) (i32.const 7)) (i32.const -8))))
  (func (export "default_free_impl") (param i32))

  (data (i32.const 0x20) "GET")
  (data (i32.const 0x28) "host")
  (data (i32.const 0x30) "storm")
  (data (i32.const 0x4000) "http://")

  ;; Puts $len bytes behind the address, which ends at $end; answers its new end.
  (func $append (param $end i32) (param $ptr i32) (param $len i32) (result i32)
    (memory.copy (local.get $end) (local.get $ptr) (local.get $len))
    (i32.add (local.get $end) (local.get $len)))

  (func $startGet (param $end i32) (result i32)
    (call $req_send_async
      (call $req_create
        (i32.const 0x20) (i32.const 3)
        (i32.const 0x4000) (i32.sub (local.get $end) (i32.const 0x4000)))))

  (func (export "run")
    (local $end i32)
    (local $at i32)
    (local $reply i32)
    (call $req_get_header
      (i32.const 0x40) (i32.const 0x44) (i32.const 0) (i32.const 0x28) (i32.const 4))
    (local.set $end
      (call $append
        (i32.const 0x4007)
        (i32.load (i32.load (i32.const 0x40)))
        (i32.load offset=4 (i32.load (i32.const 0x40)))))
    (call $req_get_path (i32.const 0x48) (i32.const 0x4c) (i32.const 0))
    (local.set $end
      (call $append (local.get $end) (i32.load (i32.const 0x48)) (i32.load (i32.const 0x4c))))
    (local.set $at (i32.const 0x80))
    (loop $send
      (i32.store (local.get $at) (call $startGet (local.get $end)))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $send (i32.lt_u (local.get $at) (i32.const 0x100))))
    (local.set $at (i32.const 0x80))
    (loop $wait
      (local.set $reply (call $pending_req_wait (i32.load (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $wait (i32.lt_u (local.get $at) (i32.const 0x100))))
    (drop
      (call $resp_set_response_code
        (i32.const 0)
        (select
          (call $resp_get_response_code (local.get $reply))
          (i32.const 502)
          (i32.gt_s (local.get $reply) (i32.const 0)))))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x30) (i32.const 5)))))
