;; Sends the request on to the URL that stands after "?" (http://name:port/path, not escaped) with
;; the same method and body and the header "x-guest: fetch"; answers its status, content type and
;; body. Answers 502 and one line when there is no URL, when it is refused, or when sending fails.
(module
  (import "env" "hostcall_req_get_method" (func $req_get_method (param i32 i32 i32)))
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_req_get_body" (func $req_get_body (param i32 i32 i32)))
  (import "env" "hostcall_req_create" (func $req_create (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_req_set_header"
    (func $req_set_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_req_set_body" (func $req_set_body (param i32 i32 i32) (result i32)))
  (import "env" "hostcall_req_send" (func $req_send (param i32) (result i32)))
  (import "env" "hostcall_resp_get_response_code"
    (func $resp_get_response_code (param i32) (result i32)))
  (import "env" "hostcall_resp_get_header" (func $resp_get_header (param i32 i32 i32 i32 i32)))
  (import "env" "hostcall_resp_get_body" (func $resp_get_body (param i32 i32 i32)))
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_header"
    (func $resp_set_header (param i32 i32 i32 i32 i32) (result i32)))
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

  (data (i32.const 0x80) "x-guest")
  (data (i32.const 0x90) "fetch")
  (data (i32.const 0xa0) "\90\00\00\00\05\00\00\00")
  (data (i32.const 0xb0) "content-type")
  (data (i32.const 0x100) "no url after the question mark\n")
  (data (i32.const 0x140) "request refused\n")
  (data (i32.const 0x180) "fetch failed\n")

  (func $fail (param $ptr i32) (param $len i32)
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 502)))
    (drop (call $resp_set_body (i32.const 0) (local.get $ptr) (local.get $len))))

  ;; Out-words: 0x40 method, 0x48 path, 0x50 body, 0x58 content types.
  (func (export "run")
    (local $url i32)
    (local $end i32)
    (local $handle i32)
    (call $req_get_method (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (call $req_get_path (i32.const 0x48) (i32.const 0x4c) (i32.const 0))
    (call $req_get_body (i32.const 0x50) (i32.const 0x54) (i32.const 0))
    (local.set $end (i32.add (i32.load (i32.const 0x48)) (i32.load (i32.const 0x4c))))
    (local.set $url
      (i32.add
        (call $find (i32.load (i32.const 0x48)) (local.get $end) (i32.const 63))
        (i32.const 1)))
    (if (i32.ge_u (local.get $url) (local.get $end))
      (then (return (call $fail (i32.const 0x100) (i32.const 31)))))
    (local.set $handle
      (call $req_create
        (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44))
        (local.get $url) (i32.sub (local.get $end) (local.get $url))))
    (if (i32.eq (local.get $handle) (i32.const -1))
      (then (return (call $fail (i32.const 0x140) (i32.const 16)))))
    (drop
      (call $req_set_header
        (local.get $handle) (i32.const 0x80) (i32.const 7) (i32.const 0xa0) (i32.const 1)))
    (drop
      (call $req_set_body
        (local.get $handle) (i32.load (i32.const 0x50)) (i32.load (i32.const 0x54))))
    (local.set $handle (call $req_send (local.get $handle)))
    (if (i32.eq (local.get $handle) (i32.const -1))
      (then (return (call $fail (i32.const 0x180) (i32.const 13)))))
    (call $resp_get_header
      (i32.const 0x58) (i32.const 0x5c) (local.get $handle) (i32.const 0xb0) (i32.const 12))
    (drop
      (call $resp_set_header
        (i32.const 0) (i32.const 0xb0) (i32.const 12)
        (i32.load (i32.const 0x58)) (i32.load (i32.const 0x5c))))
    (drop
      (call $resp_set_response_code
        (i32.const 0) (call $resp_get_response_code (local.get $handle))))
    (call $resp_get_body (i32.const 0x50) (i32.const 0x54) (local.get $handle))
    (drop
      (call $resp_set_body
        (i32.const 0) (i32.load (i32.const 0x50)) (i32.load (i32.const 0x54)))))
)
