;; Answers the request as it was received, in the form of an HTTP message:
;; "METHOD PATH", a line "name: value" for every value of every header, an empty line, the body.
(module
  (import "env" "hostcall_req_get_method" (func $req_get_method (param i32 i32 i32)))
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_req_get_headers" (func $req_get_headers (param i32 i32 i32)))
  (import "env" "hostcall_req_get_header" (func $req_get_header (param i32 i32 i32 i32 i32)))
  (import "env" "hostcall_req_get_body" (func $req_get_body (param i32 i32 i32)))
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

  (data (i32.const 0x80) " \n: ")

  ;; Out-words, filled by the host: 0x40 what was asked, 0x48 header names, 0x50 header values.
  (func $putOut (call $put (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44))))
  (func $putSpace (call $put (i32.const 0x80) (i32.const 1)))
  (func $putNewline (call $put (i32.const 0x81) (i32.const 1)))
  (func $putColon (call $put (i32.const 0x82) (i32.const 2)))

  ;; Puts a line "name: value" for every value of the header whose name is the slice at $name.
  (func $putHeader (param $name i32)
    (local $value i32)
    (local $end i32)
    (call $req_get_header
      (i32.const 0x50) (i32.const 0x54) (i32.const 0)
      (i32.load (local.get $name)) (i32.load offset=4 (local.get $name)))
    (local.set $value (i32.load (i32.const 0x50)))
    (local.set $end
      (i32.add (local.get $value) (i32.shl (i32.load (i32.const 0x54)) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $value) (local.get $end)))
        (call $put (i32.load (local.get $name)) (i32.load offset=4 (local.get $name)))
        (call $putColon)
        (call $put (i32.load (local.get $value)) (i32.load offset=4 (local.get $value)))
        (call $putNewline)
        (local.set $value (i32.add (local.get $value) (i32.const 8)))
        (br $next))))

  (func (export "run")
    (local $name i32)
    (local $end i32)
    (call $req_get_method (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (call $putOut)
    (call $putSpace)
    (call $req_get_path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (call $putOut)
    (call $putNewline)
    (call $req_get_headers (i32.const 0x48) (i32.const 0x4c) (i32.const 0))
    (local.set $name (i32.load (i32.const 0x48)))
    (local.set $end (i32.add (local.get $name) (i32.shl (i32.load (i32.const 0x4c)) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $name) (local.get $end)))
        (call $putHeader (local.get $name))
        (local.set $name (i32.add (local.get $name) (i32.const 8)))
        (br $next)))
    (call $putNewline)
    (call $req_get_body (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (call $putOut)
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 200)))
    (drop (call $resp_set_body (i32.const 0) (global.get $out) (global.get $outLen))))
)
