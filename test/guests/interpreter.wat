;; A WASI program that does what interpreters do with their arguments: "runs" the file that the first
;; one names by printing it, after its other arguments; without any, what comes on standard input.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 3)
  (data (i32.const 64) "Content-Type: text/plain\0a\0a")

  (func $print (param $ptr i32) (param $len i32)
    (i32.store (i32.const 0) (local.get $ptr))
    (i32.store (i32.const 4) (local.get $len))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))

  (func $length (param $ptr i32) (result i32)
    (local $end i32)
    (local.set $end (local.get $ptr))
    (block $done
      (loop $more
        (br_if $done (i32.eqz (i32.load8_u (local.get $end))))
        (local.set $end (i32.add (local.get $end) (i32.const 1)))
        (br $more)))
    (i32.sub (local.get $end) (local.get $ptr)))

  (func $copy (param $fd i32)
    (block $end
      (loop $more
        (i32.store (i32.const 0) (i32.const 65536))
        (i32.store (i32.const 4) (i32.const 65536))
        (br_if $end (call $read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
        (br_if $end (i32.eqz (i32.load (i32.const 8))))
        (call $print (i32.const 65536) (i32.load (i32.const 8)))
        (br $more))))

  (func (export "_start")
    (local $index i32)
    (local $text i32)
    (call $print (i32.const 64) (i32.const 26))
    (drop (call $args_sizes (i32.const 16) (i32.const 20)))
    (drop (call $args (i32.const 1024) (i32.const 4096)))
    (if (i32.lt_u (i32.load (i32.const 16)) (i32.const 2))
      (then (call $copy (i32.const 0)) (return)))
    (local.set $index (i32.const 2))
    (block $done
      (loop $more
        (br_if $done (i32.ge_u (local.get $index) (i32.load (i32.const 16))))
        (local.set $text
          (i32.load (i32.add (i32.const 1024) (i32.shl (local.get $index) (i32.const 2)))))
        (call $print (local.get $text) (call $length (local.get $text)))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $more)))
    ;; The path is relative to the folder, descriptor 3: without its first slash.
    (local.set $text (i32.add (i32.load (i32.const 1028)) (i32.const 1)))
    (i32.store (i32.const 24) (i32.const -1))
    (drop (call $open (i32.const 3) (i32.const 0) (local.get $text) (call $length (local.get $text))
      (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 24)))
    (call $copy (i32.load (i32.const 24)))))
