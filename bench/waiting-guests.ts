/** Guests of one page that wait for the clock, or for a store, and then answer "awake", by ABI. */
import { serviceGuest } from '../test/support/async-guests.ts';
import { answer, httpGuest } from '../test/support/component-guests.ts';
import { assemble } from '../test/wasm/support/assemble.ts';

/** What all of them wait for on the clock, in nanoseconds. */
export const waitNs = 1_000_000n;

const terrarium = `(module
  (import "env" "hostcall_kvstore_get" (func $get (param i32 i32 i32 i32) (result i32)))
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0x100) "awake")
  (func (export "default_malloc_impl") (param i32) (result i32) (i32.const 0x2000))
  (func (export "run")
    (drop (call $get (i32.const 0x50) (i32.const 0x54) (i32.const 0x100) (i32.const 5)))
    (drop (call $set (i32.const 0) (i32.const 0x100) (i32.const 5)))))`;

const pollImport = `(import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll (param i32 i32 i32 i32) (result i32)))`;
/** The subscription lies at 0x800: the monotonic clock, relative. */
const poll = `
    (i32.store (i32.const 0x810) (i32.const 1))
    (i64.store (i32.const 0x818) (i64.const ${waitNs}))
    (drop (call $poll (i32.const 0x800) (i32.const 0x900) (i32.const 1) (i32.const 0x980)))`;

const wasip1 = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  ${pollImport}
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\1f\\00\\00\\00")
  (data (i32.const 16) "Content-Type: text/plain\\n\\nawake")
  (func (export "_start")
    ${poll}
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`;

const fastly = `(module
  (import "fastly_http_body" "new" (func $body (param i32) (result i32)))
  (import "fastly_http_body" "write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_resp" "new" (func $response (param i32) (result i32)))
  (import "fastly_http_resp" "send_downstream" (func $send (param i32 i32 i32) (result i32)))
  ${pollImport}
  (memory (export "memory") 1)
  (data (i32.const 16) "awake")
  (func (export "_start")
    ${poll}
    (drop (call $response (i32.const 0)))
    (drop (call $body (i32.const 4)))
    (drop (call $write (i32.load (i32.const 4)) (i32.const 16) (i32.const 5) (i32.const 0)
      (i32.const 8)))
    (drop (call $send (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 0)))))`;

/** On a stack, in a hostcall. */
const component = `
  (data (i32.const 1024) "awake")
  ${answer}
  (func (export "handle") (param i32 i32)
    (call $block (call $after (i64.const ${waitNs})))
    (call $answer (local.get 1) (i32.const 1024) (i32.const 5)))`;

/** With nothing on a stack. */
const service = `
  (data (i32.const 1024) "awake")
  (func (export "handle") (param i32) (result i32)
    (call $set (call $set-new))
    (call $join (i32.shr_u (call $after (i64.const ${waitNs})) (i32.const 4)) (call $get))
    (i32.or (i32.const 2) (i32.shl (call $get) (i32.const 4))))
  (func (export "callback") (param i32 i32 i32) (result i32)
    (call $begin) (call $say (i32.const 1024) (i32.const 5)) (call $end) (i32.const 0))`;

export const waitingGuests: ReadonlyMap<string, () => Uint8Array> = new Map([
  ['terrarium', () => assemble(terrarium)],
  ['wasi', () => assemble(wasip1)],
  ['fastly', () => assemble(fastly)],
  ['component-0.2', () => httpGuest(component)],
  ['component-0.3', () => serviceGuest(service)],
]);
