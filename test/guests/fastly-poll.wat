;; Sends the visitor's request to the back-end `origin`, asks in a loop whether the reply is there,
;; with a sleep of 1 ms in between as guests of Go do, and answers with it. The header `x-polls` has
;; one `+` for each time it was not there yet, 99 at most.
(module
  (import "fastly_http_req" "body_downstream_get" (func $request (param i32 i32) (result i32)))
  (import "fastly_http_req" "send_async"
    (func $send (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_req" "pending_req_poll_v2"
    (func $poll (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_resp" "header_insert"
    (func $header (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_resp" "send_downstream" (func $answer (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $sleep (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "origin")
  (data (i32.const 16) "x-polls")
  ;; The error detail lies at 64; the subscription at 128: clock 1, 1,000,000 ns, relative.
  (data (i32.const 144) "\01")
  (data (i32.const 152) "\40\42\0f")
  (func $ok (param i32) (if (local.get 0) (then unreachable)))
  (func (export "_start")
    (local $polls i32)
    (call $ok (call $request (i32.const 32) (i32.const 36)))
    (call $ok (call $send
      (i32.load (i32.const 32)) (i32.load (i32.const 36)) (i32.const 0) (i32.const 6)
      (i32.const 40)))
    (loop $again
      (call $ok (call $poll
        (i32.load (i32.const 40)) (i32.const 64) (i32.const 44) (i32.const 48) (i32.const 52)))
      (if (i32.eqz (i32.load (i32.const 44))) (then
        (if (i32.lt_u (local.get $polls) (i32.const 99)) (then
          (i32.store8 (i32.add (i32.const 512) (local.get $polls)) (i32.const 43))
          (local.set $polls (i32.add (local.get $polls) (i32.const 1)))))
        (call $ok (call $sleep (i32.const 128) (i32.const 192) (i32.const 1) (i32.const 56)))
        (br $again))))
    (call $ok (call $header
      (i32.load (i32.const 48)) (i32.const 16) (i32.const 7) (i32.const 512) (local.get $polls)))
    (call $ok (call $answer
      (i32.load (i32.const 48)) (i32.load (i32.const 52)) (i32.const 0)))))
