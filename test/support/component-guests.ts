/** Components of our own, each named for what it does. */
import { makeComponent } from './component-bytes.ts';

const types = 'wasi:http/types@0.2.0';
const streams = 'wasi:io/streams@0.2.0';

/** Interfaces that `wasi:http/types` uses, which come before it. */
const before = {
  'wasi:io/error@0.2.0': [],
  'wasi:io/poll@0.2.0': ['[method]pollable.block'],
  [streams]: [
    '[method]output-stream.blocking-write-and-flush',
    '[method]output-stream.check-write',
    '[method]output-stream.write',
    '[method]output-stream.subscribe',
    '[resource-drop]output-stream',
    '[method]input-stream.blocking-read',
  ],
  'wasi:clocks/monotonic-clock@0.2.0': ['now', 'subscribe-duration'],
} as const;

const httpFunctions = [
  '[constructor]fields',
  '[method]fields.append',
  '[constructor]outgoing-response',
  '[method]outgoing-response.set-status-code',
  '[method]outgoing-response.body',
  '[method]outgoing-body.write',
  '[static]outgoing-body.finish',
  '[static]response-outparam.set',
  '[method]incoming-request.path-with-query',
  '[method]incoming-request.consume',
  '[method]incoming-body.stream',
] as const;

/** All that the guests below import, flattened. */
const imports = `
  (import "libc" "memory" (memory 1))
  (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
  (import "${streams}" "[method]output-stream.blocking-write-and-flush"
    (func $write-flush (param i32 i32 i32 i32)))
  (import "${streams}" "[method]output-stream.check-write" (func $check (param i32 i32)))
  (import "${streams}" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))
  (import "${streams}" "[method]output-stream.subscribe" (func $subscribe (param i32) (result i32)))
  (import "${streams}" "[resource-drop]output-stream" (func $drop-stream (param i32)))
  (import "${streams}" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
  (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $now (result i64)))
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration"
    (func $after (param i64) (result i32)))
  (import "${types}" "[constructor]fields" (func $fields (result i32)))
  (import "${types}" "[method]fields.append"
    (func $append (param i32 i32 i32 i32 i32 i32)))
  (import "${types}" "[constructor]outgoing-response" (func $response (param i32) (result i32)))
  (import "${types}" "[method]outgoing-response.set-status-code"
    (func $status (param i32 i32) (result i32)))
  (import "${types}" "[method]outgoing-response.body" (func $body (param i32 i32)))
  (import "${types}" "[method]outgoing-body.write" (func $open (param i32 i32)))
  (import "${types}" "[static]outgoing-body.finish" (func $finish (param i32 i32 i32 i32)))
  (import "${types}" "[static]response-outparam.set"
    (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  (import "${types}" "[method]incoming-request.path-with-query" (func $path (param i32 i32)))
  (import "${types}" "[method]incoming-request.consume" (func $consume (param i32 i32)))
  (import "${types}" "[method]incoming-body.stream" (func $stream (param i32 i32)))
`;

/** Answers 200 with the `$len` bytes at `$ptr`. */
export const answer = `
  (func $answer (param $out i32) (param $ptr i32) (param $len i32)
    (local $response i32) (local $body i32)
    (local.set $response (call $response (call $fields)))
    (call $body (local.get $response) (i32.const 0))
    (local.set $body (i32.load (i32.const 4)))
    (call $set (local.get $out) (i32.const 0) (local.get $response)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
    (call $open (local.get $body) (i32.const 0))
    (call $write-flush (i32.load (i32.const 4)) (local.get $ptr) (local.get $len) (i32.const 16))
    (call $drop-stream (i32.load (i32.const 4)))
    (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 64)))
`;

/** A component that answers requests: `handle` gets the request and the right to answer. */
export function httpGuest(functions: string, libc?: string): Uint8Array<ArrayBuffer> {
  return makeComponent({
    wat: `(module ${imports}
      ${functions})`,
    imports: { ...before, [types]: httpFunctions },
    exports: ['wasi:http/incoming-handler@0.2.0', 'handle'],
    ...(libc === undefined ? {} : { libc }),
  });
}

/** A program: `run` answers 0 when it has done well. */
export function cliGuest(functions: string): Uint8Array<ArrayBuffer> {
  return makeComponent({
    wat: `(module
      (import "libc" "memory" (memory 1))
      (import "${streams}" "[method]output-stream.blocking-write-and-flush"
        (func $write-flush (param i32 i32 i32 i32)))
      (import "${streams}" "[method]input-stream.blocking-read"
        (func $read (param i32 i64 i32)))
      (import "wasi:cli/environment@0.2.0" "get-environment" (func $environment (param i32)))
      (import "wasi:cli/environment@0.2.0" "get-arguments" (func $arguments (param i32)))
      (import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))
      (import "wasi:cli/stdin@0.2.0" "get-stdin" (func $stdin (result i32)))
      (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
      ${functions})`,
    imports: {
      'wasi:io/error@0.2.0': [],
      'wasi:io/poll@0.2.0': [],
      [streams]: [
        '[method]output-stream.blocking-write-and-flush',
        '[method]input-stream.blocking-read',
      ],
      'wasi:cli/environment@0.2.0': ['get-environment', 'get-arguments'],
      'wasi:cli/exit@0.2.0': ['exit'],
      'wasi:cli/stdin@0.2.0': ['get-stdin'],
      'wasi:cli/stdout@0.2.0': ['get-stdout'],
    },
    exports: ['wasi:cli/run@0.2.0', 'run'],
  });
}
