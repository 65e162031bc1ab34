;; Looks at all of its state, then makes all of it dirty: every byte of memory, the size of memory,
;; globals of each type, the table and its size, the passive segments. Answers "clean", or "dirty:"
;; and a letter for each thing that was not as in a new instance:
;;   m memory   s size of memory   g globals   t table   e size of table
;; A segment dropped by an earlier run makes it trap.
(module
  (import "env" "hostcall_req_get_path" (func $req_get_path (param i32 i32 i32)))
  (import "env" "hostcall_resp_set_response_code"
    (func $resp_set_response_code (param i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $resp_set_body (param i32 i32 i32) (result i32)))

  (memory (export "memory") 4 64)

  ;; Room for what the host writes is in the last page.
  (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x30000))
  (func (export "default_free_impl") (param i32))

  (data (i32.const 0x100) "clean\n")
  (data (i32.const 0x110) "dirty:")
  (global $lettersLen (mut i32) (i32.const 0))
  (data $passive "segment!")
  (elem $passiveElem func $marker)

  (global $word (mut i32) (i32.const 11))
  (global $long (mut i64) (i64.const 22))
  (global $single (mut f32) (f32.const nan:0x200001))
  (global $double (mut f64) (f64.const nan:0x8000000000001))
  (global $vector (mut v128) (v128.const i32x4 1 2 3 4))
  (global $function (mut funcref) (ref.null func))
  (table $table 4 16 funcref)
  (elem (table $table) (i32.const 1) func $marker)
  (func $marker)

  ;; The letters follow "dirty:" at 0x116.
  (func $expect (param $holds i32) (param $letter i32)
    (if (i32.eqz (local.get $holds))
      (then
        (i32.store8 (i32.add (i32.const 0x116) (global.get $lettersLen)) (local.get $letter))
        (global.set $lettersLen (i32.add (global.get $lettersLen) (i32.const 1))))))

  ;; Whether every word is zero but those of the segments at 0x100 to 0x120.
  (func $isMemoryClean (result i32)
    (local $at i32)
    (loop $next
      (if (i32.ne (i32.and (local.get $at) (i32.const -32)) (i32.const 0x100))
        (then
          (if (i64.ne (i64.load (local.get $at)) (i64.const 0))
            (then (return (i32.const 0))))))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $at) (i32.shl (memory.size) (i32.const 16)))))
    (i32.const 1))

  (func $areGlobalsClean (result i32)
    (i32.and
      (i32.and
        (i32.and
          (i32.eq (global.get $word) (i32.const 11))
          (i64.eq (global.get $long) (i64.const 22)))
        (i32.and
          (i32.eq (i32.reinterpret_f32 (global.get $single)) (i32.const 0x7fa00001))
          (i64.eq
            (i64.reinterpret_f64 (global.get $double)) (i64.const 0x7ff8000000000001))))
      (i32.and
        (i32x4.all_true (i32x4.eq (global.get $vector) (v128.const i32x4 1 2 3 4)))
        (ref.is_null (global.get $function)))))

  (func $isTableClean (result i32)
    (i32.and
      (i32.and
        (ref.is_null (table.get $table (i32.const 0)))
        (i32.eqz (ref.is_null (table.get $table (i32.const 1)))))
      (i32.and
        (ref.is_null (table.get $table (i32.const 2)))
        (ref.is_null (table.get $table (i32.const 3))))))

  (func $makeDirty
    (local $end i32)
    (memory.init $passive (i32.const 0x200) (i32.const 0) (i32.const 8))
    (data.drop $passive)
    (table.init $table $passiveElem (i32.const 0) (i32.const 0) (i32.const 1))
    (elem.drop $passiveElem)
    (drop (memory.grow (i32.const 3)))
    (local.set $end (i32.shl (memory.size) (i32.const 16)))
    ;; The answer as well: the host copied it when the body was set.
    (memory.fill (i32.const 0) (i32.const 0xa5) (local.get $end))
    (global.set $word (i32.const 1))
    (global.set $long (i64.const -1))
    (global.set $single (f32.const 1.5))
    (global.set $double (f64.const -0))
    (global.set $vector (v128.const i32x4 9 9 9 9))
    (global.set $function (ref.func $marker))
    (drop (table.grow $table (ref.func $marker) (i32.const 5)))
    (table.set $table (i32.const 1) (ref.null func))
    (table.set $table (i32.const 3) (ref.func $marker)))

  (func (export "run")
    (call $expect (call $isMemoryClean) (i32.const 109))
    (call $expect (i32.eq (memory.size) (i32.const 4)) (i32.const 115))
    (call $expect (call $areGlobalsClean) (i32.const 103))
    (call $expect (call $isTableClean) (i32.const 116))
    (call $expect (i32.eq (table.size $table) (i32.const 4)) (i32.const 101))
    (if (global.get $lettersLen)
      (then
        (i32.store8 (i32.add (i32.const 0x116) (global.get $lettersLen)) (i32.const 10))
        (drop
          (call $resp_set_body
            (i32.const 0) (i32.const 0x110) (i32.add (global.get $lettersLen) (i32.const 7)))))
      (else (drop (call $resp_set_body (i32.const 0) (i32.const 0x100) (i32.const 6)))))
    ;; The path makes the host write into memory too.
    (call $req_get_path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
    (call $makeDirty))
)
