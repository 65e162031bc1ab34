;; An allocator that turns on its host. The number that ends the path picks how; then the guest
;; asks for the body and the header "x-test" and, if still alive, answers "survived".
;;   0 answers 0              1 answers odd addresses         2 answers the end of memory
;;   3 answers 2 bytes before the end of memory               4 answers 0xfffffff8
;;   5 traps                  6 never returns                 7 makes a hostcall that allocates
;;   8 sets the body          9 grows memory until refused   10 answers the out-words themselves
(module
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_req_get_body" (func $req_get_body (param i32 i32 i32)))
  (import "env" "hostcall_req_get_header" (func $req_get_header (param i32 i32 i32 i32 i32)))
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)

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

  (data (i32.const 0x80) "survived\n")
  (data (i32.const 0x90) "x-test")
  (data (i32.const 0xa0) "set inside malloc\n")
  (global $isArmed (mut i32) (i32.const 0))
  (global $case (mut i32) (i32.const 0))
  (global $top (mut i32) (i32.const 0x1000))

  (func $malloc (export "default_malloc_impl") (param $size i32) (result i32)
    (if (global.get $isArmed) (then (return (call $doEvil (local.get $size)))))
    (call $bump (local.get $size)))
  (func (export "default_free_impl") (param i32))

  (func $bump (param $size i32) (result i32)
    (local $ptr i32)
    (local.set $ptr (global.get $top))
    (global.set $top
      (i32.and (i32.add (i32.add (local.get $ptr) (local.get $size)) (i32.const 7)) (i32.const -8)))
    (local.get $ptr))
  (func $endOfMemory (result i32) (i32.shl (memory.size) (i32.const 16)))

  (func $doEvil (param $size i32) (result i32)
    (block $10 (block $9 (block $8 (block $7 (block $6 (block $5
    (block $4 (block $3 (block $2 (block $1 (block $0
      (br_table $0 $1 $2 $3 $4 $5 $6 $7 $8 $9 $10 $0 (global.get $case)))
    (return (i32.const 0)))
    (return (i32.add (call $bump (i32.add (local.get $size) (i32.const 1))) (i32.const 1))))
    (return (call $endOfMemory)))
    (return (i32.sub (call $endOfMemory) (i32.const 2))))
    (return (i32.const 0xfffffff8)))
    (unreachable))
    (loop $again (br $again)))
    (call $req_get_path (i32.const 0x50) (i32.const 0x54) (i32.const 0))
    (return (call $bump (local.get $size))))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0xa0) (i32.const 18)))
    (return (call $bump (local.get $size))))
    (loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    (return (call $bump (local.get $size))))
    (i32.const 0x40))

  (func (export "run")
    (global.set $case (call $pathNumber))
    (global.set $isArmed (i32.const 1))
    (call $req_get_body (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (call $req_get_header
      (i32.const 0x40) (i32.const 0x44) (i32.const 0) (i32.const 0x90) (i32.const 6))
    (global.set $isArmed (i32.const 0))
    (drop (call $resp_set_response_code (i32.const 0) (i32.const 200)))
    (drop (call $resp_set_body (i32.const 0) (i32.const 0x80) (i32.const 9))))
)
