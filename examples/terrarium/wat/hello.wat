;; Greets: /hello.wasm?name=Ada answers "Hello, Ada!"
(module
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_header"
    (func $resp_set_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

  ;; 0x00: the host writes pointer and length of the path here.
  (data (i32.const 0x10) "content-type")
  (data (i32.const 0x20) "text/plain;charset=utf-8")
  ;; A list of one slice: pointer 0x20, length 24, both as little-endian words.
  (data (i32.const 0x40) "\20\00\00\00\18\00\00\00")
  (data (i32.const 0x50) "name=")
  (data (i32.const 0x60) "world")
  ;; The answer grows from here. The host allows paths that are far shorter than the room.
  (data (i32.const 0x100) "Hello, ")
  (global $answerEnd (mut i32) (i32.const 0x107))

  ;; What the host hands over lands in the upper half of memory. Nothing is ever freed: the next
  ;; request begins with fresh memory.
  (global $heapTop (mut i32) (i32.const 0x8000))
  (func (export "default_malloc_impl") (param $size i32) (result i32)
    (local $ptr i32)
    (local.set $ptr (global.get $heapTop))
    (global.set $heapTop
      (i32.and (i32.add (i32.add (local.get $ptr) (local.get $size)) (i32.const 7)) (i32.const -8)))
    (local.get $ptr))
  (func (export "default_free_impl") (param i32))

  (func $putByte (param $byte i32)
    (i32.store8 (global.get $answerEnd) (local.get $byte))
    (global.set $answerEnd (i32.add (global.get $answerEnd) (i32.const 1))))

  ;; The value of a hexadecimal digit, or -1.
  (func $readDigit (param $byte i32) (result i32)
    (if (i32.lt_u (i32.sub (local.get $byte) (i32.const 48)) (i32.const 10)) ;; 0 to 9
      (then (return (i32.sub (local.get $byte) (i32.const 48)))))
    (local.set $byte (i32.or (local.get $byte) (i32.const 32))) ;; to lower case
    (if (i32.lt_u (i32.sub (local.get $byte) (i32.const 97)) (i32.const 6)) ;; a to f
      (then (return (i32.sub (local.get $byte) (i32.const 87)))))
    (i32.const -1))

  ;; Puts the value that begins at $at, up to "&" or $end, with "+" and "%41" unescaped.
  (func $putValue (param $at i32) (param $end i32)
    (local $byte i32)
    (local $high i32)
    (local $low i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $byte (i32.load8_u (local.get $at)))
        (br_if $done (i32.eq (local.get $byte) (i32.const 38))) ;; &
        (if (i32.eq (local.get $byte) (i32.const 43)) ;; +
          (then (local.set $byte (i32.const 32))))
        (if (i32.eq (local.get $byte) (i32.const 37)) ;; %
          (then
            ;; Behind the path stands a NUL, so both bytes can be read.
            (local.set $high (call $readDigit (i32.load8_u offset=1 (local.get $at))))
            (local.set $low (call $readDigit (i32.load8_u offset=2 (local.get $at))))
            (if (i32.ge_s (i32.or (local.get $high) (local.get $low)) (i32.const 0))
              (then
                (local.set $byte
                  (i32.or (i32.shl (local.get $high) (i32.const 4)) (local.get $low)))
                (local.set $at (i32.add (local.get $at) (i32.const 2)))))))
        (call $putByte (local.get $byte))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next))))

  ;; Whether the five bytes at $at are "name=".
  (func $isName (param $at i32) (result i32)
    (i32.and
      (i32.eq (i32.load (local.get $at)) (i32.load (i32.const 0x50)))
      (i32.eq (i32.load8_u offset=4 (local.get $at)) (i32.load8_u (i32.const 0x54)))))

  ;; Puts the value of "name" in the query, or "world".
  (func $putName (param $at i32) (param $end i32)
    (local $byte i32)
    (loop $next
      (if (i32.lt_u (local.get $at) (local.get $end))
        (then
          (local.set $byte (i32.load8_u (local.get $at)))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br_if $next
            (i32.and
              (i32.ne (local.get $byte) (i32.const 63)) ;; ?
              (i32.ne (local.get $byte) (i32.const 38)))) ;; &
          (br_if $next (i32.eqz (call $isName (local.get $at))))
          (call $putValue (i32.add (local.get $at) (i32.const 5)) (local.get $end))
          (return))))
    (call $putValue (i32.const 0x60) (i32.const 0x65)))

  (func (export "run")
    (call $req_get_path (i32.const 0) (i32.const 4) (i32.const 0))
    (call $putName
      (i32.load (i32.const 0))
      (i32.add (i32.load (i32.const 0)) (i32.load (i32.const 4))))
    (call $putByte (i32.const 33)) ;; !
    (call $putByte (i32.const 10))
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 200)))
    (drop
      (call $resp_set_header
        (i32.const 0) (i32.const 0x10) (i32.const 12) (i32.const 0x40) (i32.const 1)))
    (drop
      (call $resp_set_body
        (i32.const 0) (i32.const 0x100) (i32.sub (global.get $answerEnd) (i32.const 0x100)))))
)
