;; The key-value hostcalls. The first letter of the last path segment picks one:
;;   /kv.wasm/insert?key=value   "1" when the key was absent, else "0"   (also upsert, append)
;;   /kv.wasm/get?key            the value, or 404 and "absent"
;;   /kv.wasm/remove?key         "1" when the key existed, else "0"
;; Without "=" in the query the request body is the value. Any other segment: 404, "no such call".
(module
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_req_get_body" (func $req_get_body (param i32 i32 i32)))
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))
  (import "env" "hostcall_kvstore_insert"
    (func $kvstore_insert (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_kvstore_upsert"
    (func $kvstore_upsert (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_kvstore_append"
    (func $kvstore_append (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_kvstore_get" (func $kvstore_get (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_kvstore_remove" (func $kvstore_remove (param i32 i32) (result i32)))

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

  (data (i32.const 0x80) "?\n")
  (data (i32.const 0x90) "absent\n")
  (data (i32.const 0xa0) "no such call\n")

  (func $answer (param $code i32) (param $ptr i32) (param $len i32)
    (drop (call $resp_set_response_code (i32.const 0) (local.get $code)))
    (drop (call $resp_set_body (i32.const 0) (local.get $ptr) (local.get $len))))
  (func $answerBool (param $yes i32)
    (i32.store8 (i32.const 0x80) (i32.add (i32.const 48) (local.get $yes)))
    (call $answer (i32.const 200) (i32.const 0x80) (i32.const 2)))

  ;; The first byte of the last segment of the path [$at, $end).
  (func $lastSegment (param $at i32) (param $end i32) (result i32)
    (local $slash i32)
    (loop $next
      (local.set $slash (call $find (local.get $at) (local.get $end) (i32.const 47)))
      (if (i32.lt_u (local.get $slash) (local.get $end))
        (then
          (local.set $at (i32.add (local.get $slash) (i32.const 1)))
          (br $next))))
    (i32.load8_u (local.get $at)))

  ;; Out-words: 0x40 path, 0x48 value.
  (func (export "run")
    (local $end i32)
    (local $question i32)
    (local $key i32)
    (local $keyLen i32)
    (local $call i32)
    (call $req_get_path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (local.set $end (i32.add (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44))))
    (local.set $question (call $find (i32.load (i32.const 0x40)) (local.get $end) (i32.const 63)))
    (local.set $call (call $lastSegment (i32.load (i32.const 0x40)) (local.get $question)))
    (local.set $key (i32.add (local.get $question) (i32.const 1)))
    (if (i32.gt_u (local.get $key) (local.get $end))
      (then (local.set $key (local.get $end))))
    (local.set $keyLen
      (i32.sub
        (call $find (local.get $key) (local.get $end) (i32.const 61))
        (local.get $key)))
    (if (i32.lt_u (i32.add (local.get $key) (local.get $keyLen)) (local.get $end))
      (then
        (i32.store (i32.const 0x48)
          (i32.add (i32.add (local.get $key) (local.get $keyLen)) (i32.const 1)))
        (i32.store (i32.const 0x4c)
          (i32.sub (local.get $end) (i32.load (i32.const 0x48)))))
      (else (call $req_get_body (i32.const 0x48) (i32.const 0x4c) (i32.const 0))))

    (if (i32.eq (local.get $call) (i32.const 105)) ;; i
      (then
        (return
          (call $answerBool
            (call $kvstore_insert
              (local.get $key) (local.get $keyLen)
              (i32.load (i32.const 0x48)) (i32.load (i32.const 0x4c)))))))
    (if (i32.eq (local.get $call) (i32.const 117)) ;; u
      (then
        (return
          (call $answerBool
            (call $kvstore_upsert
              (local.get $key) (local.get $keyLen)
              (i32.load (i32.const 0x48)) (i32.load (i32.const 0x4c)))))))
    (if (i32.eq (local.get $call) (i32.const 97)) ;; a
      (then
        (return
          (call $answerBool
            (call $kvstore_append
              (local.get $key) (local.get $keyLen)
              (i32.load (i32.const 0x48)) (i32.load (i32.const 0x4c)))))))
    (if (i32.eq (local.get $call) (i32.const 114)) ;; r
      (then
        (return
          (call $answerBool (call $kvstore_remove (local.get $key) (local.get $keyLen))))))
    (if (i32.eq (local.get $call) (i32.const 103)) ;; g
      (then
        (if
          (call $kvstore_get
            (i32.const 0x48) (i32.const 0x4c) (local.get $key) (local.get $keyLen))
          (then
            (return
              (call $answer
                (i32.const 200) (i32.load (i32.const 0x48)) (i32.load (i32.const 0x4c))))))
        (return (call $answer (i32.const 404) (i32.const 0x90) (i32.const 7)))))
    (call $answer (i32.const 404) (i32.const 0xa0) (i32.const 13)))
)
