;; Starts three GETs of the URL after "?", takes the first with wait, one of the others with select
;; and the last with poll, over and over. The body is the three bodies in the order of starting;
;; then "consumed" when a second wait, poll and select of the used handles all gave -1, else "kept".
;; Answers 502 "failed" when one of the requests failed.
(module
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_req_create" (func $req_create (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_req_send_async" (func $req_send_async (param i32) (result i32)))
  (import "env" "hostcall_pending_req_wait" (func $pending_req_wait (param i32) (result i32)))
  (import "env" "hostcall_pending_req_poll" (func $pending_req_poll (param i32) (result i32)))
  (import "env" "hostcall_pending_req_select"
    (func $pending_req_select (param i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_get_body" (func $resp_get_body (param i32 i32 i32)))
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
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

  ;; The answer is collected in a buffer that doubles when it is full.
  (global $out (mut i32) (i32.const 0))
  (global $outLen (mut i32) (i32.const 0))
  (global $outMax (mut i32) (i32.const 0))
  (func $put (param $ptr i32) (param $len i32)
    (local $need i32)
    (local $bigger i32)
    (local.set $need (i32.add (global.get $outLen) (local.get $len)))
    (if (i32.gt_u (local.get $need) (global.get $outMax))
      (then
        (global.set $outMax (i32.shl (local.get $need) (i32.const 1)))
        (local.set $bigger (call $malloc (global.get $outMax)))
        (memory.copy (local.get $bigger) (global.get $out) (global.get $outLen))
        (global.set $out (local.get $bigger))))
    (memory.copy
      (i32.add (global.get $out) (global.get $outLen)) (local.get $ptr) (local.get $len))
    (global.set $outLen (local.get $need)))

  (data (i32.const 0x20) "GET")
  (data (i32.const 0x80) "failed\n")
  (data (i32.const 0x90) "consumed\n")
  (data (i32.const 0xa0) "kept\n")

  ;; Waits by poll: -2 means that the answer is not there yet.
  (func $pollUntilReady (param $pending i32) (result i32)
    (local $response i32)
    (loop $again
      (local.set $response (call $pending_req_poll (local.get $pending)))
      (br_if $again (i32.eq (local.get $response) (i32.const -2))))
    (local.get $response))

  ;; Puts the body of the response, and answers whether there is one.
  (func $putBody (param $response i32) (result i32)
    (call $resp_get_body (i32.const 0x50) (i32.const 0x54) (local.get $response))
    (call $put (i32.load (i32.const 0x50)) (i32.load (i32.const 0x54)))
    (i32.ne (local.get $response) (i32.const -1)))

  ;; The pending handles are the words at 0x60, 0x64 and 0x68; the responses those at 0x70.
  ;; select is given the last two, and writes which of them ended to 0x6c.
  (func $takeAll
    (i32.store (i32.const 0x70) (call $pending_req_wait (i32.load (i32.const 0x60))))
    (i32.store (i32.const 0x74)
      (call $pending_req_select (i32.const 0x64) (i32.const 2) (i32.const 0x6c)))
    (if (i32.eq (i32.load (i32.const 0x6c)) (i32.load (i32.const 0x64)))
      (then
        (i32.store (i32.const 0x78) (call $pollUntilReady (i32.load (i32.const 0x68)))))
      (else
        (i32.store (i32.const 0x78) (i32.load (i32.const 0x74)))
        (i32.store (i32.const 0x74) (call $pollUntilReady (i32.load (i32.const 0x64)))))))

  (func $isConsumed (result i32)
    (i32.and
      (i32.and
        (i32.eq (call $pending_req_wait (i32.load (i32.const 0x60))) (i32.const -1))
        (i32.eq (call $pending_req_poll (i32.load (i32.const 0x64))) (i32.const -1)))
      (i32.eq
        (call $pending_req_select (i32.const 0x68) (i32.const 1) (i32.const 0x6c))
        (i32.const -1))))

  (func (export "run")
    (call $readUrl)
    (i32.store (i32.const 0x60) (call $startGet))
    (i32.store (i32.const 0x64) (call $startGet))
    (i32.store (i32.const 0x68) (call $startGet))
    (call $takeAll)
    (if
      (i32.eqz
        (i32.and
          (i32.and
            (call $putBody (i32.load (i32.const 0x70)))
            (call $putBody (i32.load (i32.const 0x74))))
          (call $putBody (i32.load (i32.const 0x78)))))
      (then
        (drop (call $resp_set_response_code (i32.const 0) (i32.const 502)))
        (drop (call $resp_set_body (i32.const 0) (i32.const 0x80) (i32.const 7)))
        (return)))
    (if (call $isConsumed)
      (then (call $put (i32.const 0x90) (i32.const 9)))
      (else (call $put (i32.const 0xa0) (i32.const 5))))
    (drop (call $resp_set_body (i32.const 0) (global.get $out) (global.get $outLen))))
)
