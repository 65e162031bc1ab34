/**
 * Guests for the isolation proof, one pair an ABI, in WebAssembly text.
 *
 * Both answer "clean" when they find their state as in a new instance, else "dirty:" and a letter
 * for each thing that was not: m memory, s its size, n newly grown memory, g globals, t table. They
 * use no `table.grow`: tables cannot shrink, so such a guest is never restored.
 */

/** What the bodies need of an ABI, as functions of the module. */
interface Seams {
  readonly entry: string;
  readonly imports: string;
  /**
   * `$reply (ptr len)`, `$readRequest` (the host writes into memory), `$visitor` (a byte of the
   * request that tells who asks), `$wait` (suspends; the host writes into memory afterwards).
   */
  readonly functions: string;
}

export interface IsolationGuests {
  readonly abi: string;
  /** Looks, answers, and then writes everything it can. */
  readonly writer: string;
  /**
   * Looks, fills eight pages with the last byte of the request's target, waits, and answers
   * "lost" instead where its pages were not kept meanwhile.
   */
  readonly sleeper: string;
}

/** The host's data goes to page 60, which the writer fills as well. */
const terrariumSeams: Seams = {
  entry: 'run',
  imports: `
    (import "env" "hostcall_req_get_path" (func $path (param i32 i32 i32)))
    (import "env" "hostcall_req_get_body" (func $body (param i32 i32 i32)))
    (import "env" "hostcall_kvstore_get" (func $get (param i32 i32 i32 i32) (result i32)))
    (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))`,
  functions: `
    (global $top (mut i32) (i32.const 0x3c0000))
    ;; Marks a page of its own as well, to be seen if the host calls it at the wrong moment.
    (func (export "default_malloc_impl") (param $size i32) (result i32)
      (local $ptr i32)
      (local.set $ptr (global.get $top))
      (global.set $top (i32.add (global.get $top)
        (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -16))))
      (i32.store (i32.const 0x3b0000) (local.get $ptr))
      (local.get $ptr))
    (func $reply (param $ptr i32) (param $len i32)
      (drop (call $set (i32.const 0) (local.get $ptr) (local.get $len))))
    (func $readRequest
      (call $path (i32.const 0x40) (i32.const 0x44) (i32.const 0))
      (call $body (i32.const 0x48) (i32.const 0x4c) (i32.const 0)))
    (func $visitor (result i32)
      (i32.load8_u (i32.sub (i32.add (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44)))
        (i32.const 1))))
    (func $wait
      (drop (call $get (i32.const 0x50) (i32.const 0x54) (i32.const 0x100) (i32.const 5))))`,
};

/** Poll's subscription is made where nothing else writes, its events where only the host does. */
const wasip1Seams: Seams = {
  entry: '_start',
  imports: `
    (import "wasi_snapshot_preview1" "fd_write"
      (func $fdWrite (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read"
      (func $fdRead (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff"
      (func $poll (param i32 i32 i32 i32) (result i32)))`,
  functions: `
    (data (i32.const 0x150) "content-type: text/plain\\n\\n")
    (func $reply (param $ptr i32) (param $len i32)
      (i32.store (i32.const 0x60) (i32.const 0x150))
      (i32.store (i32.const 0x64) (i32.const 26))
      (i32.store (i32.const 0x68) (local.get $ptr))
      (i32.store (i32.const 0x6c) (local.get $len))
      (drop (call $fdWrite (i32.const 1) (i32.const 0x60) (i32.const 2) (i32.const 0x70))))
    (func $readRequest
      (drop (call $environ (i32.const 0x3c0000) (i32.const 0x3c8000)))
      (i32.store (i32.const 0x40) (i32.const 0x3d0000))
      (i32.store (i32.const 0x44) (i32.const 0x10000))
      (drop (call $fdRead (i32.const 0) (i32.const 0x40) (i32.const 1) (i32.const 0x48))))
    (func $visitor (result i32)
      (i32.or (i32.const 0x40) (i32.load8_u (i32.const 0x3d0005))))
    (func $wait
      (i32.store (i32.const 0x3a0010) (i32.const 1))
      (i64.store (i32.const 0x3a0018) (i64.const 1000000000))
      (drop (call $poll (i32.const 0x3a0000) (i32.const 0x3b0ff8) (i32.const 1)
        (i32.const 0x3b8000))))`,
};

/** It waits as WASI programs do, and answers itself. */
const httpWasmSeams: Seams = {
  entry: 'inner',
  imports: `
    (import "http_handler" "get_uri" (func $uri (param i32 i32) (result i32)))
    (import "http_handler" "read_body" (func $read (param i32 i32 i32) (result i64)))
    (import "http_handler" "write_body" (func $write (param i32 i32 i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff"
      (func $poll (param i32 i32 i32 i32) (result i32)))`,
  functions: `
    (func (export "handle_request") (result i64) (call $enter) (i64.const 0))
    (func (export "handle_response") (param i32 i32) unreachable)
    (func $reply (param $ptr i32) (param $len i32)
      (call $write (i32.const 1) (local.get $ptr) (local.get $len)))
    (func $readRequest
      (i32.store (i32.const 0x44) (call $uri (i32.const 0x3c0000) (i32.const 0x8000)))
      (drop (call $read (i32.const 0) (i32.const 0x3d0000) (i32.const 0x10000))))
    (func $visitor (result i32)
      (i32.load8_u (i32.add (i32.const 0x3bffff) (i32.load (i32.const 0x44)))))
    (func $wait
      (i32.store (i32.const 0x3a0010) (i32.const 1))
      (i64.store (i32.const 0x3a0018) (i64.const 1000000000))
      (drop (call $poll (i32.const 0x3a0000) (i32.const 0x3b0ff8) (i32.const 1)
        (i32.const 0x3b8000))))`,
};

/** It waits as WASI programs do. Each run leaves a request, a body and a response behind. */
const fastlySeams: Seams = {
  entry: '_start',
  imports: `
    (import "fastly_http_req" "body_downstream_get" (func $downstream (param i32 i32) (result i32)))
    (import "fastly_http_req" "uri_get" (func $uri (param i32 i32 i32 i32) (result i32)))
    (import "fastly_http_body" "read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "fastly_http_body" "new" (func $newBody (param i32) (result i32)))
    (import "fastly_http_body" "write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
    (import "fastly_http_resp" "new" (func $newResponse (param i32) (result i32)))
    (import "fastly_http_resp" "send_downstream" (func $send (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff"
      (func $poll (param i32 i32 i32 i32) (result i32)))`,
  functions: `
    (func $reply (param $ptr i32) (param $len i32)
      (drop (call $newResponse (i32.const 0x60)))
      (drop (call $newBody (i32.const 0x64)))
      (drop (call $write (i32.load (i32.const 0x64)) (local.get $ptr) (local.get $len)
        (i32.const 0) (i32.const 0x68)))
      (drop (call $send (i32.load (i32.const 0x60)) (i32.load (i32.const 0x64)) (i32.const 0))))
    (func $readRequest
      (drop (call $downstream (i32.const 0x40) (i32.const 0x44)))
      (drop (call $uri (i32.load (i32.const 0x40)) (i32.const 0x3c0000) (i32.const 0x8000)
        (i32.const 0x48)))
      (drop (call $read (i32.load (i32.const 0x44)) (i32.const 0x3d0000) (i32.const 0x10000)
        (i32.const 0x4c)))
      (drop (call $newResponse (i32.const 0x50)))
      (drop (call $newBody (i32.const 0x54)))
      (drop (call $write (i32.load (i32.const 0x54)) (i32.const 0x3c0000) (i32.const 64)
        (i32.const 0) (i32.const 0x58))))
    (func $visitor (result i32)
      (i32.load8_u (i32.add (i32.const 0x3bffff) (i32.load (i32.const 0x48)))))
    (func $wait
      (i32.store (i32.const 0x3a0010) (i32.const 1))
      (i64.store (i32.const 0x3a0018) (i64.const 1000000000))
      (drop (call $poll (i32.const 0x3a0000) (i32.const 0x3b0ff8) (i32.const 1)
        (i32.const 0x3b8000))))`,
};

/** Pages of both guests; the segments lie in 0x100 to 0x17f. */
const shared = `
  (memory (export "memory") 64 128)
  (data (i32.const 0x100) "clean\\n")
  (data (i32.const 0x110) "dirty:")
  (data (i32.const 0x140) "lost\\n")
  (data $passive "segment!")
  (global $letters (mut i32) (i32.const 0))
  (func $expect (param $holds i32) (param $letter i32)
    (if (i32.eqz (local.get $holds)) (then
      (i32.store8 (i32.add (i32.const 0x116) (global.get $letters)) (local.get $letter))
      (global.set $letters (i32.add (global.get $letters) (i32.const 1))))))
  ;; Whether every word of [$at, $end) is zero but those of the segments.
  (func $isZero (param $at i32) (param $end i32) (result i32)
    (loop $next
      (if (i32.ne (i32.and (local.get $at) (i32.const -128)) (i32.const 0x100)) (then
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (return (i32.const 0))))))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (i32.const 1))
  (func $tell
    (if (global.get $letters)
      (then (call $reply (i32.const 0x110) (i32.add (global.get $letters) (i32.const 6))))
      (else (call $reply (i32.const 0x100) (i32.const 6)))))`;

function writerOf({ entry, imports, functions }: Seams): string {
  return `(module ${imports} ${shared} ${functions}
    (global $word (mut i32) (i32.const 11))
    (global $long (mut i64) (i64.const 22))
    (global $single (mut f32) (f32.const nan:0x200001))
    (global $double (mut f64) (f64.const nan:0x8000000000001))
    (global $vector (mut v128) (v128.const i32x4 1 2 3 4))
    (global $function (mut funcref) (ref.null func))
    (table $table 4 16 funcref)
    (table $other 3 funcref)
    (elem (table $table) (i32.const 1) func $marker)
    (elem $passiveElem func $marker)
    (func $marker)
    (func $areGlobalsClean (result i32)
      (i32.and
        (i32.and
          (i32.and (i32.eq (global.get $word) (i32.const 11))
            (i64.eq (global.get $long) (i64.const 22)))
          (i32.and
            (i32.eq (i32.reinterpret_f32 (global.get $single)) (i32.const 0x7fa00001))
            (i64.eq (i64.reinterpret_f64 (global.get $double)) (i64.const 0x7ff8000000000001))))
        (i32.and
          (i32x4.all_true (i32x4.eq (global.get $vector) (v128.const i32x4 1 2 3 4)))
          (ref.is_null (global.get $function)))))
    (func $areTablesClean (result i32)
      (i32.and
        (i32.and
          (ref.is_null (table.get $table (i32.const 0)))
          (i32.eqz (ref.is_null (table.get $table (i32.const 1)))))
        (i32.and
          (ref.is_null (table.get $table (i32.const 3)))
          (ref.is_null (table.get $other (i32.const 2))))))
    (func $makeDirty
      (memory.init $passive (i32.const 0x200) (i32.const 0) (i32.const 8))
      (data.drop $passive)
      (table.init $table $passiveElem (i32.const 0) (i32.const 0) (i32.const 1))
      (elem.drop $passiveElem)
      (memory.fill (i32.const 0) (i32.const 0xa5) (i32.shl (memory.size) (i32.const 16)))
      ;; Across the edge of a card, and the very last bytes.
      (i64.store (i32.const 0x1ffc) (i64.const -1))
      (v128.store (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 16))
        (v128.const i32x4 9 9 9 9))
      (global.set $word (i32.const 1))
      (global.set $long (i64.const -1))
      (global.set $single (f32.const 1.5))
      (global.set $double (f64.const -0))
      (global.set $vector (v128.const i32x4 9 9 9 9))
      (global.set $function (ref.func $marker))
      (table.set $table (i32.const 1) (ref.null func))
      (table.fill $table (i32.const 2) (ref.func $marker) (i32.const 2))
      (table.copy $other $table (i32.const 0) (i32.const 1) (i32.const 3)))
    (func $enter (export "${entry}")
      (call $expect (i32.eq (memory.size) (i32.const 64)) (i32.const 115))
      (call $expect (call $isZero (i32.const 0) (i32.const 0x400000)) (i32.const 109))
      (drop (memory.grow (i32.const 3)))
      (call $expect (call $isZero (i32.const 0x400000) (i32.const 0x430000)) (i32.const 110))
      (call $expect (call $areGlobalsClean) (i32.const 103))
      (call $expect (call $areTablesClean) (i32.const 116))
      (call $tell)
      (call $readRequest)
      (call $makeDirty)))`;
}

function sleeperOf({ entry, imports, functions }: Seams): string {
  return `(module ${imports} ${shared} ${functions}
    (func $sum (result i64)
      (local $at i32) (local $sum i64)
      (local.set $at (i32.const 0x10000))
      (loop $next
        (local.set $sum (i64.add (local.get $sum) (i64.load (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $at) (i32.const 0x90000))))
      (local.get $sum))
    (func $enter (export "${entry}")
      (local $before i64)
      (call $expect (call $isZero (i32.const 0) (i32.const 0x400000)) (i32.const 109))
      (call $readRequest)
      (memory.fill (i32.const 0x10000) (call $visitor) (i32.const 0x80000))
      ;; Across the edge of a card, the second of which nothing else writes to.
      (i64.store (i32.const 0x120ffc) (i64.const -1))
      (local.set $before (call $sum))
      (call $wait)
      (memory.fill (i32.const 0x200000) (call $visitor) (i32.const 0x3000))
      (if (i64.ne (local.get $before) (call $sum))
        (then (call $reply (i32.const 0x140) (i32.const 5)))
        (else (call $tell)))))`;
}

export const isolationGuests: readonly IsolationGuests[] = [
  { abi: 'terrarium', writer: writerOf(terrariumSeams), sleeper: sleeperOf(terrariumSeams) },
  { abi: 'wasip1', writer: writerOf(wasip1Seams), sleeper: sleeperOf(wasip1Seams) },
  { abi: 'fastly', writer: writerOf(fastlySeams), sleeper: sleeperOf(fastlySeams) },
  { abi: 'http-wasm', writer: writerOf(httpWasmSeams), sleeper: sleeperOf(httpWasmSeams) },
];
