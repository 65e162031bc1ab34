;; Calls everything that takes a handle with handles that do not fit. Answers "ok" when each
;; result is the documented one, else 500 and the names of the checks that did not hold.
(module
  (import "env" "hostcall_req_get_method" (func $req_get_method (param i32 i32 i32)))
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_req_get_body" (func $req_get_body (param i32 i32 i32)))
  (import "env" "hostcall_req_get_headers" (func $req_get_headers (param i32 i32 i32)))
  (import "env" "hostcall_req_get_header" (func $req_get_header (param i32 i32 i32 i32 i32)))
  (import "env" "hostcall_req_create" (func $req_create (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_req_set_header"
    (func $req_set_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_req_set_body" (func $req_set_body (param i32 i32 i32) (result i32)))
  (import "env" "hostcall_req_send" (func $req_send (param i32) (result i32)))
  (import "env" "hostcall_req_send_async" (func $req_send_async (param i32) (result i32)))
  (import "env" "hostcall_pending_req_wait" (func $pending_req_wait (param i32) (result i32)))
  (import "env" "hostcall_pending_req_poll" (func $pending_req_poll (param i32) (result i32)))
  (import "env" "hostcall_pending_req_select"
    (func $pending_req_select (param i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_get_response_code"
    (func $resp_get_response_code (param i32) (result i32)))
  (import "env" "hostcall_resp_get_headers" (func $resp_get_headers (param i32 i32 i32)))
  (import "env" "hostcall_resp_get_header" (func $resp_get_header (param i32 i32 i32 i32 i32)))
  (import "env" "hostcall_resp_get_body" (func $resp_get_body (param i32 i32 i32)))
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_header"
    (func $resp_set_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  ;; Hands out memory upwards, 8-aligned, growing it when needed; nothing is ever taken back.
  (global $top (mut i32) (i32.const 0x8000))
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

  (data (i32.const 0x20) "name")
  (data (i32.const 0x28) "A B")
  (data (i32.const 0x30) "\20\00\00\00\04\00\00\00")
  (data (i32.const 0x48) "http://example.test/")
  (data (i32.const 0x70) "ok\n")

  ;; Names of the checks that did not hold, a line each, from 0x4000.
  (global $failed (mut i32) (i32.const 0x4000))
  (func $expect (param $result i32) (param $wanted i32) (param $name i32) (param $nameLen i32)
    ;; Poisons the out-words again, so that a getter that writes nothing is found.
    (i64.store (i32.const 0x60) (i64.const -1))
    (if (i32.ne (local.get $result) (local.get $wanted))
      (then
        (memory.copy (global.get $failed) (local.get $name) (local.get $nameLen))
        (global.set $failed (i32.add (global.get $failed) (local.get $nameLen))))))
  ;; Whether a getter wrote pointer 0 and length 0 to its out-words at 0x60.
  (func $isEmpty (result i32) (i64.eqz (i64.load (i32.const 0x60))))

  (data (i32.const 0x1000) "resp_set_response_code 7\n")
  (data (i32.const 0x1020) "resp_set_header 7\n")
  (data (i32.const 0x1040) "resp_set_body 7\n")
  (data (i32.const 0x1050) "resp_get_response_code 7\n")
  (data (i32.const 0x1070) "resp_set_response_code -1\n")
  (data (i32.const 0x1090) "resp_set_header -1\n")
  (data (i32.const 0x10b0) "resp_set_body -1\n")
  (data (i32.const 0x10d0) "resp_get_response_code -1\n")
  (data (i32.const 0x10f0) "req_set_header 0\n")
  (data (i32.const 0x1110) "req_set_body 0\n")
  (data (i32.const 0x1120) "req_send 0\n")
  (data (i32.const 0x1130) "req_send_async 0\n")
  (data (i32.const 0x1150) "pending_req_wait 0\n")
  (data (i32.const 0x1170) "pending_req_poll 0\n")
  (data (i32.const 0x1190) "req_set_header 7\n")
  (data (i32.const 0x11b0) "req_set_body 7\n")
  (data (i32.const 0x11c0) "req_send 7\n")
  (data (i32.const 0x11d0) "req_send_async 7\n")
  (data (i32.const 0x11f0) "pending_req_wait 7\n")
  (data (i32.const 0x1210) "pending_req_poll 7\n")
  (data (i32.const 0x1230) "req_set_header -1\n")
  (data (i32.const 0x1250) "req_set_body -1\n")
  (data (i32.const 0x1260) "req_send -1\n")
  (data (i32.const 0x1270) "req_send_async -1\n")
  (data (i32.const 0x1290) "pending_req_wait -1\n")
  (data (i32.const 0x12b0) "pending_req_poll -1\n")
  (data (i32.const 0x12d0) "pending_req_select of unknown handles\n")
  (data (i32.const 0x1300) "pending_req_select of nothing\n")
  (data (i32.const 0x1320) "resp_get_response_code 0\n")
  (data (i32.const 0x1340) "req_create with a method that is no token\n")
  (data (i32.const 0x1370) "req_create with a relative URL\n")
  (data (i32.const 0x1390) "req_get_method 7\n")
  (data (i32.const 0x13b0) "req_get_path 7\n")
  (data (i32.const 0x13c0) "req_get_body 7\n")
  (data (i32.const 0x13d0) "req_get_headers 7\n")
  (data (i32.const 0x13f0) "resp_get_headers 7\n")
  (data (i32.const 0x1410) "resp_get_body 7\n")
  (data (i32.const 0x1420) "req_get_header 7\n")
  (data (i32.const 0x1440) "resp_get_header 7\n")
  (data (i32.const 0x1460) "req_get_method -1\n")
  (data (i32.const 0x1480) "req_get_path -1\n")
  (data (i32.const 0x1490) "req_get_body -1\n")
  (data (i32.const 0x14a0) "req_get_headers -1\n")
  (data (i32.const 0x14c0) "resp_get_headers -1\n")
  (data (i32.const 0x14e0) "resp_get_body -1\n")
  (data (i32.const 0x1500) "req_get_header -1\n")
  (data (i32.const 0x1520) "resp_get_header -1\n")

  (func (export "run")
    (i64.store (i32.const 0x60) (i64.const -1))
    (call $expect
      (call $resp_set_response_code (i32.const 7) (i32.const 200))
      (i32.const 1) (i32.const 0x1000) (i32.const 25))
    (call $expect
      (call $resp_set_header
        (i32.const 7) (i32.const 0x20) (i32.const 4) (i32.const 0x30) (i32.const 1))
      (i32.const 1) (i32.const 0x1020) (i32.const 18))
    (call $expect
      (call $resp_set_body (i32.const 7) (i32.const 32) (i32.const 4))
      (i32.const 1) (i32.const 0x1040) (i32.const 16))
    (call $expect
      (call $resp_get_response_code (i32.const 7))
      (i32.const 0) (i32.const 0x1050) (i32.const 25))
    (call $expect
      (call $resp_set_response_code (i32.const -1) (i32.const 200))
      (i32.const 1) (i32.const 0x1070) (i32.const 26))
    (call $expect
      (call $resp_set_header
        (i32.const -1) (i32.const 0x20) (i32.const 4) (i32.const 0x30) (i32.const 1))
      (i32.const 1) (i32.const 0x1090) (i32.const 19))
    (call $expect
      (call $resp_set_body (i32.const -1) (i32.const 32) (i32.const 4))
      (i32.const 1) (i32.const 0x10b0) (i32.const 17))
    (call $expect
      (call $resp_get_response_code (i32.const -1))
      (i32.const 0) (i32.const 0x10d0) (i32.const 26))
    (call $expect
      (call $req_set_header
        (i32.const 0) (i32.const 0x20) (i32.const 4) (i32.const 0x30) (i32.const 1))
      (i32.const 1) (i32.const 0x10f0) (i32.const 17))
    (call $expect
      (call $req_set_body (i32.const 0) (i32.const 32) (i32.const 4))
      (i32.const 1) (i32.const 0x1110) (i32.const 15))
    (call $expect
      (call $req_send (i32.const 0))
      (i32.const -1) (i32.const 0x1120) (i32.const 11))
    (call $expect
      (call $req_send_async (i32.const 0))
      (i32.const -1) (i32.const 0x1130) (i32.const 17))
    (call $expect
      (call $pending_req_wait (i32.const 0))
      (i32.const -1) (i32.const 0x1150) (i32.const 19))
    (call $expect
      (call $pending_req_poll (i32.const 0))
      (i32.const -1) (i32.const 0x1170) (i32.const 19))
    (call $expect
      (call $req_set_header
        (i32.const 7) (i32.const 0x20) (i32.const 4) (i32.const 0x30) (i32.const 1))
      (i32.const 1) (i32.const 0x1190) (i32.const 17))
    (call $expect
      (call $req_set_body (i32.const 7) (i32.const 32) (i32.const 4))
      (i32.const 1) (i32.const 0x11b0) (i32.const 15))
    (call $expect
      (call $req_send (i32.const 7))
      (i32.const -1) (i32.const 0x11c0) (i32.const 11))
    (call $expect
      (call $req_send_async (i32.const 7))
      (i32.const -1) (i32.const 0x11d0) (i32.const 17))
    (call $expect
      (call $pending_req_wait (i32.const 7))
      (i32.const -1) (i32.const 0x11f0) (i32.const 19))
    (call $expect
      (call $pending_req_poll (i32.const 7))
      (i32.const -1) (i32.const 0x1210) (i32.const 19))
    (call $expect
      (call $req_set_header
        (i32.const -1) (i32.const 0x20) (i32.const 4) (i32.const 0x30) (i32.const 1))
      (i32.const 1) (i32.const 0x1230) (i32.const 18))
    (call $expect
      (call $req_set_body (i32.const -1) (i32.const 32) (i32.const 4))
      (i32.const 1) (i32.const 0x1250) (i32.const 16))
    (call $expect
      (call $req_send (i32.const -1))
      (i32.const -1) (i32.const 0x1260) (i32.const 12))
    (call $expect
      (call $req_send_async (i32.const -1))
      (i32.const -1) (i32.const 0x1270) (i32.const 18))
    (call $expect
      (call $pending_req_wait (i32.const -1))
      (i32.const -1) (i32.const 0x1290) (i32.const 20))
    (call $expect
      (call $pending_req_poll (i32.const -1))
      (i32.const -1) (i32.const 0x12b0) (i32.const 20))
    (call $expect
      (call $pending_req_select (i32.const 48) (i32.const 2) (i32.const 64))
      (i32.const -1) (i32.const 0x12d0) (i32.const 38))
    (call $expect
      (call $pending_req_select (i32.const 48) (i32.const 0) (i32.const 64))
      (i32.const -1) (i32.const 0x1300) (i32.const 30))
    (call $expect
      (call $resp_get_response_code (i32.const 0))
      (i32.const 0) (i32.const 0x1320) (i32.const 25))
    (call $expect
      (call $req_create (i32.const 40) (i32.const 3) (i32.const 72) (i32.const 20))
      (i32.const -1) (i32.const 0x1340) (i32.const 42))
    (call $expect
      (call $req_create (i32.const 32) (i32.const 4) (i32.const 32) (i32.const 4))
      (i32.const -1) (i32.const 0x1370) (i32.const 31))
    (call $req_get_method (i32.const 96) (i32.const 100) (i32.const 7))
    (call $expect (call $isEmpty) (i32.const 1) (i32.const 0x1390) (i32.const 17))
    (call $req_get_path (i32.const 96) (i32.const 100) (i32.const 7))
    (call $expect (call $isEmpty) (i32.const 1) (i32.const 0x13b0) (i32.const 15))
    (call $req_get_body (i32.const 96) (i32.const 100) (i32.const 7))
    (call $expect (call $isEmpty) (i32.const 1) (i32.const 0x13c0) (i32.const 15))
    (call $req_get_headers (i32.const 96) (i32.const 100) (i32.const 7))
    (call $expect (call $isEmpty) (i32.const 1) (i32.const 0x13d0) (i32.const 18))
    (call $resp_get_headers (i32.const 96) (i32.const 100) (i32.const 7))
    (call $expect (call $isEmpty) (i32.const 1) (i32.const 0x13f0) (i32.const 19))
    (call $resp_get_body (i32.const 96) (i32.const 100) (i32.const 7))
    (call $expect (call $isEmpty) (i32.const 1) (i32.const 0x1410) (i32.const 16))
    (call $req_get_header
      (i32.const 96) (i32.const 100) (i32.const 7) (i32.const 32) (i32.const 4))
    (call $expect (call $isEmpty) (i32.const 1) (i32.const 0x1420) (i32.const 17))
    (call $resp_get_header
      (i32.const 96) (i32.const 100) (i32.const 7) (i32.const 32) (i32.const 4))
    (call $expect (call $isEmpty) (i32.const 1) (i32.const 0x1440) (i32.const 18))
    (call $req_get_method (i32.const 96) (i32.const 100) (i32.const -1))
    (call $expect (call $isEmpty) (i32.const 1) (i32.const 0x1460) (i32.const 18))
    (call $req_get_path (i32.const 96) (i32.const 100) (i32.const -1))
    (call $expect (call $isEmpty) (i32.const 1) (i32.const 0x1480) (i32.const 16))
    (call $req_get_body (i32.const 96) (i32.const 100) (i32.const -1))
    (call $expect (call $isEmpty) (i32.const 1) (i32.const 0x1490) (i32.const 16))
    (call $req_get_headers (i32.const 96) (i32.const 100) (i32.const -1))
    (call $expect (call $isEmpty) (i32.const 1) (i32.const 0x14a0) (i32.const 19))
    (call $resp_get_headers (i32.const 96) (i32.const 100) (i32.const -1))
    (call $expect (call $isEmpty) (i32.const 1) (i32.const 0x14c0) (i32.const 20))
    (call $resp_get_body (i32.const 96) (i32.const 100) (i32.const -1))
    (call $expect (call $isEmpty) (i32.const 1) (i32.const 0x14e0) (i32.const 17))
    (call $req_get_header
      (i32.const 96) (i32.const 100) (i32.const -1) (i32.const 32) (i32.const 4))
    (call $expect (call $isEmpty) (i32.const 1) (i32.const 0x1500) (i32.const 18))
    (call $resp_get_header
      (i32.const 96) (i32.const 100) (i32.const -1) (i32.const 32) (i32.const 4))
    (call $expect (call $isEmpty) (i32.const 1) (i32.const 0x1520) (i32.const 19))
    (if (i32.eq (global.get $failed) (i32.const 0x4000))
      (then (drop (call $resp_set_body (i32.const 0) (i32.const 0x70) (i32.const 3))))
      (else
        (drop (call $resp_set_response_code (i32.const 0) (i32.const 500)))
        (drop
          (call $resp_set_body
            (i32.const 0) (i32.const 0x4000)
            (i32.sub (global.get $failed) (i32.const 0x4000)))))))
)
