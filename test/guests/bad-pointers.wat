;; Hands the host pointers outside memory. The number that ends the path picks the case, 0 to 38.
;; The guest either traps (500) or answers "survived N" with the hostcall's result.
(module
  (import "env" "hostcall_panic_hook" (func $panic_hook (param i32 i32)))
  (import "env" "hostcall_debug" (func $debug (param i32 i32)))
  (import "env" "hostcall_req_get_method" (func $req_get_method (param i32 i32 i32)))
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_req_get_body" (func $req_get_body (param i32 i32 i32)))
  (import "env" "hostcall_req_get_headers" (func $req_get_headers (param i32 i32 i32)))
  (import "env" "hostcall_req_get_header" (func $req_get_header (param i32 i32 i32 i32 i32)))
  (import "env" "hostcall_req_create" (func $req_create (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_req_set_header"
    (func $req_set_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_req_set_body" (func $req_set_body (param i32 i32 i32) (result i32)))
  (import "env" "hostcall_pending_req_select"
    (func $pending_req_select (param i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_header"
    (func $resp_set_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))
  (import "env" "hostcall_kvstore_insert"
    (func $kvstore_insert (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_kvstore_upsert"
    (func $kvstore_upsert (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_kvstore_append"
    (func $kvstore_append (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_kvstore_get" (func $kvstore_get (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_kvstore_remove" (func $kvstore_remove (param i32 i32) (result i32)))
  (import "env" "hostcall_time_now" (func $time_now (param i32) (result i64)))
  (import "env" "hostcall_dns_query_raw"
    (func $dns_query_raw (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_dns_query_ip"
    (func $dns_query_ip (param i32 i32 i32 i32 i32) (result i32)))

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

  ;; The number that ends the path: 503 for "/x.wasm/503"; 0 when no digit ends it.
  (func $pathNumber (result i32)
    (local $at i32)
    (local $number i32)
    (local $unit i32)
    (local $digit i32)
    (call $req_get_path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (local.set $at (i32.add (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44))))
    (local.set $unit (i32.const 1))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $at) (i32.load (i32.const 0x40))))
        (local.set $at (i32.sub (local.get $at) (i32.const 1)))
        (local.set $digit (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))
        (br_if $done (i32.gt_u (local.get $digit) (i32.const 9)))
        (local.set $number
          (i32.add (local.get $number) (i32.mul (local.get $digit) (local.get $unit))))
        (local.set $unit (i32.mul (local.get $unit) (i32.const 10)))
        (br $next)))
    (local.get $number))

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

  (data (i32.const 0x10) "name")
  (data (i32.const 0x14) "GET")
  (data (i32.const 0x18) "http://example.test/")
  ;; Slices: a good one, and one that points outside.
  (data (i32.const 0x30) "\10\00\00\00\04\00\00\00\f0\ff\ff\ff\40\00\00\00")
  (data (i32.const 0x80) "survived ")

  (func $newRequest (result i32)
    (call $req_create (i32.const 0x14) (i32.const 3) (i32.const 0x18) (i32.const 20)))

  (type $case (func (result i32)))
  (table funcref
    (elem
      $case0 $case1 $case2 $case3 $case4 $case5 $case6 $case7 $case8 $case9 $case10 $case11
      $case12 $case13 $case14 $case15 $case16 $case17 $case18 $case19 $case20 $case21 $case22
      $case23 $case24 $case25 $case26 $case27 $case28 $case29 $case30 $case31 $case32 $case33
      $case34 $case35 $case36 $case37 $case38))

  ;; 0: debug
  (func $case0 (result i32)
    (call $debug (i32.const 0xfffffff0) (i32.const 64)) (i32.const 0))
  ;; 1: debug, NUL-terminated, no NUL before the end of memory
  (func $case1 (result i32)
    (call $debug (i32.const 65534) (i32.const -1)) (i32.const 0))
  ;; 2: panic_hook
  (func $case2 (result i32)
    (call $panic_hook (i32.const 0xfffffff0) (i32.const 64)) (i32.const 0))
  ;; 3: req_get_method, both out-words outside
  (func $case3 (result i32)
    (call $req_get_method (i32.const 0xfffffff0) (i32.const 0xfffffff0) (i32.const 0))
    (i32.const 0))
  ;; 4: req_get_path, both out-words outside
  (func $case4 (result i32)
    (call $req_get_path (i32.const 0xfffffff0) (i32.const 0xfffffff0) (i32.const 0))
    (i32.const 0))
  ;; 5: req_get_body, both out-words outside
  (func $case5 (result i32)
    (call $req_get_body (i32.const 0xfffffff0) (i32.const 0xfffffff0) (i32.const 0))
    (i32.const 0))
  ;; 6: req_get_headers, both out-words outside
  (func $case6 (result i32)
    (call $req_get_headers (i32.const 0xfffffff0) (i32.const 0xfffffff0) (i32.const 0))
    (i32.const 0))
  ;; 7: req_get_path, length word across the end of memory
  (func $case7 (result i32)
    (call $req_get_path (i32.const 64) (i32.const 65534) (i32.const 0)) (i32.const 0))
  ;; 8: req_get_path, misaligned out-words
  (func $case8 (result i32)
    (call $req_get_path (i32.const 65) (i32.const 71) (i32.const 0)) (i32.const 0))
  ;; 9: req_get_path, both out-words the same
  (func $case9 (result i32)
    (call $req_get_path (i32.const 64) (i32.const 64) (i32.const 0)) (i32.const 0))
  ;; 10: req_get_header, name outside
  (func $case10 (result i32)
    (call $req_get_header
      (i32.const 64) (i32.const 68) (i32.const 0) (i32.const 0xfffffff0) (i32.const 64))
    (i32.const 0))
  ;; 11: req_get_header, out-words outside
  (func $case11 (result i32)
    (call $req_get_header
      (i32.const 0xfffffff0) (i32.const 0xfffffff0) (i32.const 0) (i32.const 16) (i32.const 4))
    (i32.const 0))
  ;; 12: req_get_header, name of length -1
  (func $case12 (result i32)
    (call $req_get_header
      (i32.const 64) (i32.const 68) (i32.const 0) (i32.const 16) (i32.const -1))
    (i32.const 0))
  ;; 13: req_create, method outside
  (func $case13 (result i32)
    (call $req_create (i32.const 0xfffffff0) (i32.const 64) (i32.const 16) (i32.const 4)))
  ;; 14: req_create, URL outside
  (func $case14 (result i32)
    (call $req_create (i32.const 16) (i32.const 4) (i32.const 0xfffffff0) (i32.const 64)))
  ;; 15: req_set_header, slices outside
  (func $case15 (result i32)
    (call $req_set_header
      (call $newRequest) (i32.const 16) (i32.const 4) (i32.const 0xfffffff0) (i32.const 1)))
  ;; 16: req_set_body
  (func $case16 (result i32)
    (call $req_set_body (call $newRequest) (i32.const 0xfffffff0) (i32.const 64)))
  ;; 17: pending_req_select, handles outside
  (func $case17 (result i32)
    (call $pending_req_select (i32.const 0xfffffff0) (i32.const 4) (i32.const 64)))
  ;; 18: pending_req_select, 2^30 handles
  (func $case18 (result i32)
    (call $pending_req_select (i32.const 64) (i32.const 1073741824) (i32.const 64)))
  ;; 19: resp_set_header, name outside
  (func $case19 (result i32)
    (call $resp_set_header
      (i32.const 0) (i32.const 0xfffffff0) (i32.const 64) (i32.const 48) (i32.const 1)))
  ;; 20: resp_set_header, slices outside
  (func $case20 (result i32)
    (call $resp_set_header
      (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 0xfffffff0) (i32.const 1)))
  ;; 21: resp_set_header, 2^29 slices
  (func $case21 (result i32)
    (call $resp_set_header
      (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 48) (i32.const 536870912)))
  ;; 22: resp_set_header, a slice that points outside
  (func $case22 (result i32)
    (call $resp_set_header
      (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 56) (i32.const 1)))
  ;; 23: resp_set_body, outside
  (func $case23 (result i32)
    (call $resp_set_body (i32.const 0) (i32.const 0xfffffff0) (i32.const 64)))
  ;; 24: resp_set_body, one byte too many
  (func $case24 (result i32)
    (call $resp_set_body (i32.const 0) (i32.const 65520) (i32.const 17)))
  ;; 25: resp_set_body, length -1
  (func $case25 (result i32)
    (call $resp_set_body (i32.const 0) (i32.const 0) (i32.const -1)))
  ;; 26: kvstore_insert, key outside
  (func $case26 (result i32)
    (call $kvstore_insert (i32.const 0xfffffff0) (i32.const 64) (i32.const 16) (i32.const 4)))
  ;; 27: kvstore_insert, value outside
  (func $case27 (result i32)
    (call $kvstore_insert (i32.const 16) (i32.const 4) (i32.const 0xfffffff0) (i32.const 64)))
  ;; 28: kvstore_upsert, key outside
  (func $case28 (result i32)
    (call $kvstore_upsert (i32.const 0xfffffff0) (i32.const 64) (i32.const 16) (i32.const 4)))
  ;; 29: kvstore_upsert, value outside
  (func $case29 (result i32)
    (call $kvstore_upsert (i32.const 16) (i32.const 4) (i32.const 0xfffffff0) (i32.const 64)))
  ;; 30: kvstore_append, key outside
  (func $case30 (result i32)
    (call $kvstore_append (i32.const 0xfffffff0) (i32.const 64) (i32.const 16) (i32.const 4)))
  ;; 31: kvstore_append, value outside
  (func $case31 (result i32)
    (call $kvstore_append (i32.const 16) (i32.const 4) (i32.const 0xfffffff0) (i32.const 64)))
  ;; 32: kvstore_get, key outside
  (func $case32 (result i32)
    (call $kvstore_get (i32.const 64) (i32.const 68) (i32.const 0xfffffff0) (i32.const 64)))
  ;; 33: kvstore_get, out-words outside
  (func $case33 (result i32)
    (call $kvstore_get
      (i32.const 0xfffffff0) (i32.const 0xfffffff0) (i32.const 16) (i32.const 4)))
  ;; 34: kvstore_remove
  (func $case34 (result i32)
    (call $kvstore_remove (i32.const 0xfffffff0) (i32.const 64)))
  ;; 35: time_now
  (func $case35 (result i32)
    (i32.wrap_i64 (call $time_now (i32.const 0xfffffff0))))
  ;; 36: dns_query_raw, query outside
  (func $case36 (result i32)
    (call $dns_query_raw (i32.const 64) (i32.const 68) (i32.const 0xfffffff0) (i32.const 64)))
  ;; 37: dns_query_ip, name outside
  (func $case37 (result i32)
    (call $dns_query_ip
      (i32.const 64) (i32.const 68) (i32.const 0xfffffff0) (i32.const 64) (i32.const 0)))
  ;; 38: dns_query_ip, out-words outside
  (func $case38 (result i32)
    (call $dns_query_ip
      (i32.const 0xfffffff0) (i32.const 0xfffffff0) (i32.const 16) (i32.const 4) (i32.const 0)))

  ;; The result is written in decimal as an unsigned number.
  (func (export "run")
    (local $number i32)
    (local.set $number
      (call $writeDecimal (call_indirect (type $case) (call $pathNumber))))
    (local.set $number (i32.sub (local.get $number) (i32.const 9)))
    (memory.copy (local.get $number) (i32.const 0x80) (i32.const 9))
    (i32.store8 (i32.const 0x100) (i32.const 10))
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 200)))
    (drop
      (call $resp_set_body
        (i32.const 0) (local.get $number) (i32.sub (i32.const 0x101) (local.get $number)))))
)
