;; Fetches the URL after "?" and copies everything to its own answer: status, every value of every
;; header, body. Hop-by-hop headers and lengths have to be dropped by the host. 502 "failed".
(module
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_req_create" (func $req_create (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_req_send" (func $req_send (param i32) (result i32)))
  (import "env" "hostcall_resp_get_response_code"
    (func $resp_get_response_code (param i32) (result i32)))
  (import "env" "hostcall_resp_get_headers" (func $resp_get_headers (param i32 i32 i32)))
  (import "env" "hostcall_resp_get_header" (func $resp_get_header (param i32 i32 i32 i32 i32)))
  (import "env" "hostcall_resp_get_body" (func $resp_get_body (param i32 i32 i32)))
  (import "env" "hostcall_resp_set_header"
    (func $resp_set_header (param i32 i32 i32 i32 i32) (result i32)))
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

  (data (i32.const 0x20) "GET")
  (data (i32.const 0x80) "failed\n")

  ;; Copies all values of the header whose name is the slice at $name.
  (func $copyHeader (param $response i32) (param $name i32)
    (call $resp_get_header
      (i32.const 0x50) (i32.const 0x54) (local.get $response)
      (i32.load (local.get $name)) (i32.load offset=4 (local.get $name)))
    (drop
      (call $resp_set_header
        (i32.const 0) (i32.load (local.get $name)) (i32.load offset=4 (local.get $name))
        (i32.load (i32.const 0x50)) (i32.load (i32.const 0x54)))))

  (func (export "run")
    (local $response i32)
    (local $name i32)
    (local $end i32)
    (call $readUrl)
    (local.set $response
      (call $req_send
        (call $req_create
          (i32.const 0x20) (i32.const 3)
          (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44)))))
    (if (i32.eq (local.get $response) (i32.const -1))
      (then
        (drop (call $resp_set_response_code (i32.const 0) (i32.const 502)))
        (drop (call $resp_set_body (i32.const 0) (i32.const 0x80) (i32.const 7)))
        (return)))
    (call $resp_get_headers (i32.const 0x48) (i32.const 0x4c) (local.get $response))
    (local.set $name (i32.load (i32.const 0x48)))
    (local.set $end (i32.add (local.get $name) (i32.shl (i32.load (i32.const 0x4c)) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $name) (local.get $end)))
        (call $copyHeader (local.get $response) (local.get $name))
        (local.set $name (i32.add (local.get $name) (i32.const 8)))
        (br $next)))
    (drop
      (call $resp_set_response_code
        (i32.const 0) (call $resp_get_response_code (local.get $response))))
    (call $resp_get_body (i32.const 0x50) (i32.const 0x54) (local.get $response))
    (drop
      (call $resp_set_body
        (i32.const 0) (i32.load (i32.const 0x50)) (i32.load (i32.const 0x54)))))
)
