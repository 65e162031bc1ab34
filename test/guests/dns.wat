;; Looks up the name after "?". The last letter in front of "?" picks how:
;;   /dns.wasm/4?name  IPv4 addresses     /dns.wasm/6?name  IPv6 addresses
;;   /dns.wasm/r?name  a raw query for the A records, with id 0x1234
;; Answers hexadecimal digits, a line per address, or one line with the whole raw answer.
;; When the host gives pointer 0: 502, "failed N" with the hostcall's result.
(module
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_dns_query_raw"
    (func $dns_query_raw (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_dns_query_ip"
    (func $dns_query_ip (param i32 i32 i32 i32 i32) (result i32)))
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

  ;; Puts $len bytes at $at as hexadecimal digits.
  (data (i32.const 0x10) "0123456789abcdef")
  (func $putHex (param $at i32) (param $len i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $len)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $at) (local.get $end)))
        (call $put
          (i32.add
            (i32.const 0x10) (i32.shr_u (i32.load8_u (local.get $at)) (i32.const 4)))
          (i32.const 1))
        (call $put
          (i32.add
            (i32.const 0x10) (i32.and (i32.load8_u (local.get $at)) (i32.const 15)))
          (i32.const 1))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next))))

  (data (i32.const 0x80) "\n")
  (data (i32.const 0x90) "failed ?\n")
  ;; A query with one question, recursion desired; the name follows in labels.
  (data (i32.const 0x200) "\12\34\01\00\00\01\00\00\00\00\00\00")
  (global $query (mut i32) (i32.const 0x20c))

  (func $fail (param $result i32)
    (i32.store8 (i32.const 0x97) (i32.add (i32.const 48) (local.get $result)))
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 502)))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x90) (i32.const 9))))

  ;; Appends each label of the name [$at, $end), its length in front, then a zero, type A, class IN.
  (func $writeQuestion (param $at i32) (param $end i32)
    (local $labelLen i32)
    (loop $next
      (local.set $labelLen
        (i32.sub (call $find (local.get $at) (local.get $end) (i32.const 46)) (local.get $at)))
      (i32.store8 (global.get $query) (local.get $labelLen))
      (memory.copy
        (i32.add (global.get $query) (i32.const 1)) (local.get $at) (local.get $labelLen))
      (global.set $query
        (i32.add (global.get $query) (i32.add (local.get $labelLen) (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (i32.add (local.get $labelLen) (i32.const 1))))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (i32.store8 (global.get $query) (i32.const 0))
    (i32.store8 offset=1 (global.get $query) (i32.const 0))
    (i32.store8 offset=2 (global.get $query) (i32.const 1))
    (i32.store8 offset=3 (global.get $query) (i32.const 0))
    (i32.store8 offset=4 (global.get $query) (i32.const 1))
    (global.set $query (i32.add (global.get $query) (i32.const 5))))

  (func $answerRaw (param $name i32) (param $end i32)
    (local $result i32)
    (call $writeQuestion (local.get $name) (local.get $end))
    (local.set $result
      (call $dns_query_raw
        (i32.const 0x48) (i32.const 0x4c)
        (i32.const 0x200) (i32.sub (global.get $query) (i32.const 0x200))))
    (if (i32.eqz (i32.load (i32.const 0x48)))
      (then (return (call $fail (local.get $result)))))
    (call $putHex (i32.load (i32.const 0x48)) (i32.load (i32.const 0x4c)))
    (call $put (i32.const 0x80) (i32.const 1))
    (drop (call $resp_set_body (i32.const 0) (global.get $out) (global.get $outLen))))

  (func $answerIp (param $name i32) (param $end i32) (param $isIpv6 i32)
    (local $result i32)
    (local $slice i32)
    (local.set $result
      (call $dns_query_ip
        (i32.const 0x48) (i32.const 0x4c)
        (local.get $name) (i32.sub (local.get $end) (local.get $name)) (local.get $isIpv6)))
    (local.set $slice (i32.load (i32.const 0x48)))
    (if (i32.eqz (local.get $slice))
      (then (return (call $fail (local.get $result)))))
    (local.set $end
      (i32.add (local.get $slice) (i32.shl (i32.load (i32.const 0x4c)) (i32.const 3))))
    (loop $next
      (call $putHex (i32.load (local.get $slice)) (i32.load offset=4 (local.get $slice)))
      (call $put (i32.const 0x80) (i32.const 1))
      (local.set $slice (i32.add (local.get $slice) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $slice) (local.get $end))))
    (drop (call $resp_set_body (i32.const 0) (global.get $out) (global.get $outLen))))

  (func (export "run")
    (local $end i32)
    (local $question i32)
    (local $kind i32)
    (call $req_get_path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (local.set $end (i32.add (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44))))
    (local.set $question (call $find (i32.load (i32.const 0x40)) (local.get $end) (i32.const 63)))
    (local.set $kind (i32.load8_u (i32.sub (local.get $question) (i32.const 1))))
    (local.set $question (i32.add (local.get $question) (i32.const 1)))
    (if (i32.eq (local.get $kind) (i32.const 114)) ;; r
      (then (return (call $answerRaw (local.get $question) (local.get $end)))))
    (call $answerIp
      (local.get $question) (local.get $end) (i32.eq (local.get $kind) (i32.const 54)))) ;; 6
)
