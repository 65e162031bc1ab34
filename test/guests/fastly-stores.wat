;; Does one thing with the stores of its folder. The headers say what: `op` is a letter, `store` and
;; `key` are names, `value` is what is written. Answers with a character for the status ('0' is ok,
;; ':' is none), one for what else was said of the end, and with what was found.
(module
  (import "fastly_http_req" "body_downstream_get" (func $request (param i32 i32) (result i32)))
  (import "fastly_http_req" "header_value_get"
    (func $field (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_resp" "new" (func $response (param i32) (result i32)))
  (import "fastly_http_resp" "send_downstream" (func $answer (param i32 i32 i32) (result i32)))
  (import "fastly_http_body" "new" (func $body (param i32) (result i32)))
  (import "fastly_http_body" "append" (func $append (param i32 i32) (result i32)))
  (import "fastly_http_body" "write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_async_io" "select" (func $select (param i32 i32 i32 i32) (result i32)))
  (import "fastly_config_store" "open" (func $config (param i32 i32 i32) (result i32)))
  (import "fastly_config_store" "get"
    (func $config_get (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_secret_store" "open" (func $secrets (param i32 i32 i32) (result i32)))
  (import "fastly_secret_store" "get" (func $secret (param i32 i32 i32 i32) (result i32)))
  (import "fastly_secret_store" "plaintext" (func $plain (param i32 i32 i32 i32) (result i32)))
  (import "fastly_kv_store" "open" (func $kv (param i32 i32 i32) (result i32)))
  (import "fastly_kv_store" "lookup" (func $lookup (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_kv_store" "lookup_wait_v2"
    (func $lookup_wait (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_kv_store" "insert"
    (func $insert (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_kv_store" "insert_wait" (func $insert_wait (param i32 i32) (result i32)))
  (import "fastly_kv_store" "delete" (func $delete (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_kv_store" "delete_wait" (func $delete_wait (param i32 i32) (result i32)))
  (import "fastly_kv_store" "list" (func $list (param i32 i32 i32 i32) (result i32)))
  (import "fastly_kv_store" "list_wait" (func $list_wait (param i32 i32 i32) (result i32)))
  (import "fastly_acl" "open" (func $acl (param i32 i32 i32) (result i32)))
  (import "fastly_acl" "lookup" (func $acl_lookup (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_geo" "lookup" (func $geo (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_device_detection" "lookup"
    (func $device (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_erl" "check_rate"
    (func $check (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_downstream" "fastly_key_is_valid" (func $key (param i32 i32) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 1024) "op")
  (data (i32.const 1032) "store")
  (data (i32.const 1040) "key")
  (data (i32.const 1048) "value")
  (data (i32.const 1056) "\7f\00\00\01")
  ;; 0 request, 4 its body, 8 response, 12 the answer's body, 16 what was found: its body or 0,
  ;; 20 its length, 24 a handle, 28 what is under way, 32 a number, 40 a generation; lengths from 48.
  ;; 512 is a structure of zeros. op 2048, store 2176, key 4096, value 8192, what was found 65536.
  (global $status (mut i32) (i32.const 0))
  (func $try (param i32) (result i32)
    (global.set $status (local.get 0))
    (i32.eqz (local.get 0)))
  (func $get (param $name i32) (param $len i32) (param $to i32) (param $written i32)
    (drop (call $field (i32.load (i32.const 0))
      (local.get $name) (local.get $len) (local.get $to) (i32.const 1024) (local.get $written))))
  (func $from_config
    (if (call $try (call $config (i32.const 2176) (i32.load (i32.const 52)) (i32.const 24)))
      (then (drop (call $try (call $config_get (i32.load (i32.const 24))
        (i32.const 4096) (i32.load (i32.const 56))
        (i32.const 65536) (i32.const 65536) (i32.const 20)))))))
  (func $from_secrets
    (if (call $try (call $secrets (i32.const 2176) (i32.load (i32.const 52)) (i32.const 24)))
      (then (if (call $try (call $secret (i32.load (i32.const 24))
          (i32.const 4096) (i32.load (i32.const 56)) (i32.const 28)))
        (then (drop (call $try (call $plain (i32.load (i32.const 28))
          (i32.const 65536) (i32.const 65536) (i32.const 20)))))))))
  (func $open_kv (result i32)
    (call $try (call $kv (i32.const 2176) (i32.load (i32.const 52)) (i32.const 24))))
  ;; Waits as programs with several things under way do.
  (func $wait (drop (call $select (i32.const 28) (i32.const 1) (i32.const 0) (i32.const 32))))
  (func $look_up
    (if (call $open_kv) (then
      (if (call $try (call $lookup (i32.load (i32.const 24))
          (i32.const 4096) (i32.load (i32.const 56)) (i32.const 0) (i32.const 512) (i32.const 28)))
        (then
          (call $wait)
          (drop (call $try (call $lookup_wait (i32.load (i32.const 28)) (i32.const 16)
            (i32.const 65536) (i32.const 2000) (i32.const 20) (i32.const 40) (i32.const 32))))
          (i32.store (i32.const 20) (i32.const 0)))))))
  (func $store
    (drop (call $body (i32.const 36)))
    (drop (call $write (i32.load (i32.const 36))
      (i32.const 8192) (i32.load (i32.const 60)) (i32.const 0) (i32.const 32)))
    (if (call $open_kv) (then
      (if (call $try (call $insert (i32.load (i32.const 24))
          (i32.const 4096) (i32.load (i32.const 56)) (i32.load (i32.const 36))
          (i32.const 0) (i32.const 512) (i32.const 28)))
        (then
          (call $wait)
          (drop (call $try (call $insert_wait (i32.load (i32.const 28)) (i32.const 32)))))))))
  (func $remove
    (if (call $open_kv) (then
      (if (call $try (call $delete (i32.load (i32.const 24))
          (i32.const 4096) (i32.load (i32.const 56)) (i32.const 0) (i32.const 512) (i32.const 28)))
        (then
          (call $wait)
          (drop (call $try (call $delete_wait (i32.load (i32.const 28)) (i32.const 32)))))))))
  (func $list_all
    (if (call $open_kv) (then
      (if (call $try (call $list (i32.load (i32.const 24))
          (i32.const 0) (i32.const 512) (i32.const 28)))
        (then
          (call $wait)
          (drop (call $try
            (call $list_wait (i32.load (i32.const 28)) (i32.const 16) (i32.const 32)))))))))
  (func $is_op (param i32) (result i32)
    (i32.eq (i32.load8_u (i32.const 2048)) (local.get 0)))
  (func $act
    (if (call $is_op (i32.const 99)) (then (call $from_config)))
    (if (call $is_op (i32.const 115)) (then (call $from_secrets)))
    (if (call $is_op (i32.const 103)) (then (call $look_up)))
    (if (call $is_op (i32.const 112)) (then (call $store)))
    (if (call $is_op (i32.const 100)) (then (call $remove)))
    (if (call $is_op (i32.const 108)) (then (call $list_all)))
    (if (call $is_op (i32.const 97)) (then
      (if (call $try (call $acl (i32.const 2176) (i32.load (i32.const 52)) (i32.const 24)))
        (then (drop (call $try (call $acl_lookup (i32.load (i32.const 24))
          (i32.const 1056) (i32.const 4) (i32.const 16) (i32.const 32))))))))
    (if (call $is_op (i32.const 101)) (then
      (drop (call $try (call $geo (i32.const 1056) (i32.const 4)
        (i32.const 65536) (i32.const 65536) (i32.const 20))))))
    (if (call $is_op (i32.const 117)) (then
      (drop (call $try (call $device (i32.const 8192) (i32.load (i32.const 60))
        (i32.const 65536) (i32.const 65536) (i32.const 20))))))
    (if (call $is_op (i32.const 114)) (then
      (drop (call $try (call $check
        (i32.const 2176) (i32.load (i32.const 52)) (i32.const 4096) (i32.load (i32.const 56))
        (i32.const 10) (i32.const 10) (i32.const 4)
        (i32.const 2176) (i32.load (i32.const 52)) (i32.const 3600) (i32.const 32))))))
    (if (call $is_op (i32.const 107)) (then
      (drop (call $try (call $key (i32.load (i32.const 0)) (i32.const 32)))))))
  (func (export "_start")
    (drop (call $request (i32.const 0) (i32.const 4)))
    (call $get (i32.const 1024) (i32.const 2) (i32.const 2048) (i32.const 48))
    (call $get (i32.const 1032) (i32.const 5) (i32.const 2176) (i32.const 52))
    (call $get (i32.const 1040) (i32.const 3) (i32.const 4096) (i32.const 56))
    (call $get (i32.const 1048) (i32.const 5) (i32.const 8192) (i32.const 60))
    (call $act)
    (drop (call $response (i32.const 8)))
    (drop (call $body (i32.const 12)))
    (i32.store8 (i32.const 64) (i32.add (i32.const 48) (global.get $status)))
    (i32.store8 (i32.const 65) (i32.add (i32.const 48) (i32.load8_u (i32.const 32))))
    (drop (call $write (i32.load (i32.const 12))
      (i32.const 64) (i32.const 2) (i32.const 0) (i32.const 44)))
    (if (i32.eqz (global.get $status)) (then
      (drop (call $write (i32.load (i32.const 12))
        (i32.const 65536) (i32.load (i32.const 20)) (i32.const 0) (i32.const 44)))
      (if (i32.load (i32.const 16)) (then
        (drop (call $append (i32.load (i32.const 12)) (i32.load (i32.const 16))))))))
    (drop (call $answer (i32.load (i32.const 8)) (i32.load (i32.const 12)) (i32.const 0)))))
