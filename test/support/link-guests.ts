/** Links of middleware, each named for what it does. */
import { makeComponent } from './component-bytes.ts';
import { answer } from './component-guests.ts';

const types = 'wasi:http/types@0.2.0';
const streams = 'wasi:io/streams@0.2.0';

const imports = `
  (import "libc" "memory" (memory 1))
  (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.0" "[resource-drop]pollable" (func $drop-pollable (param i32)))
  (import "${streams}" "[method]output-stream.blocking-write-and-flush"
    (func $write-flush (param i32 i32 i32 i32)))
  (import "${streams}" "[method]output-stream.blocking-splice"
    (func $splice (param i32 i32 i64 i32)))
  (import "${streams}" "[resource-drop]output-stream" (func $drop-stream (param i32)))
  (import "${streams}" "[resource-drop]input-stream" (func $drop-input (param i32)))
  (import "${types}" "[constructor]fields" (func $fields (result i32)))
  (import "${types}" "[method]fields.append" (func $append (param i32 i32 i32 i32 i32 i32)))
  (import "${types}" "[constructor]outgoing-response" (func $response (param i32) (result i32)))
  (import "${types}" "[method]outgoing-response.set-status-code"
    (func $status (param i32 i32) (result i32)))
  (import "${types}" "[method]outgoing-response.body" (func $body (param i32 i32)))
  (import "${types}" "[method]outgoing-body.write" (func $open (param i32 i32)))
  (import "${types}" "[static]outgoing-body.finish" (func $finish (param i32 i32 i32 i32)))
  (import "${types}" "[static]response-outparam.set"
    (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  (import "${types}" "[method]incoming-request.method" (func $method (param i32 i32)))
  (import "${types}" "[method]incoming-request.path-with-query" (func $path (param i32 i32)))
  (import "${types}" "[method]incoming-request.headers"
    (func $request-headers (param i32) (result i32)))
  (import "${types}" "[method]incoming-request.consume" (func $consume (param i32 i32)))
  (import "${types}" "[method]incoming-body.stream" (func $stream (param i32 i32)))
  (import "${types}" "[resource-drop]incoming-body" (func $drop-body (param i32)))
  (import "${types}" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
  (import "${types}" "[method]outgoing-request.set-method"
    (func $set-method (param i32 i32 i32 i32) (result i32)))
  (import "${types}" "[method]outgoing-request.set-path-with-query"
    (func $set-path (param i32 i32 i32 i32) (result i32)))
  (import "${types}" "[method]outgoing-request.body" (func $request-body (param i32 i32)))
  (import "${types}" "[method]future-incoming-response.subscribe"
    (func $subscribe (param i32) (result i32)))
  (import "${types}" "[method]future-incoming-response.get" (func $get (param i32 i32)))
  (import "${types}" "[method]incoming-response.status" (func $status-of (param i32) (result i32)))
  (import "${types}" "[method]incoming-response.consume" (func $consume-response (param i32 i32)))
  (import "wasi:http/incoming-handler@0.2.0" "handle" (func $pass (param i32 i32)))
  (import "wasi:http/outgoing-handler@0.2.0" "handle" (func $send (param i32 i32 i32 i32)))
`;

const httpFunctions = [
  '[constructor]fields',
  '[method]fields.append',
  '[constructor]outgoing-response',
  '[method]outgoing-response.set-status-code',
  '[method]outgoing-response.body',
  '[method]outgoing-body.write',
  '[static]outgoing-body.finish',
  '[static]response-outparam.set',
  '[method]incoming-request.method',
  '[method]incoming-request.path-with-query',
  '[method]incoming-request.headers',
  '[method]incoming-request.consume',
  '[method]incoming-body.stream',
  '[resource-drop]incoming-body',
  '[constructor]outgoing-request',
  '[method]outgoing-request.set-method',
  '[method]outgoing-request.set-path-with-query',
  '[method]outgoing-request.body',
  '[method]future-incoming-response.subscribe',
  '[method]future-incoming-response.get',
  '[method]incoming-response.status',
  '[method]incoming-response.consume',
];

/** A link: `handle` gets the request and the right to answer. */
function link(functions: string): Uint8Array<ArrayBuffer> {
  return makeComponent({
    wat: `(module ${imports} ${functions})`,
    imports: {
      'wasi:io/error@0.2.0': [],
      'wasi:io/poll@0.2.0': ['[method]pollable.block', '[resource-drop]pollable'],
      [streams]: [
        '[method]output-stream.blocking-write-and-flush',
        '[method]output-stream.blocking-splice',
        '[resource-drop]output-stream',
        '[resource-drop]input-stream',
      ],
      'wasi:clocks/monotonic-clock@0.2.0': [],
      [types]: httpFunctions,
      'wasi:http/incoming-handler@0.2.0': ['handle'],
      'wasi:http/outgoing-handler@0.2.0': ['handle'],
    },
    exports: ['wasi:http/incoming-handler@0.2.0', 'handle'],
  });
}

const handle = (code: string): string => `(func (export "handle") (param i32 i32) ${code})`;

/** Answers with the `$status` and the `$len` bytes at `$ptr`. */
const answerWith = `
  (func $answer-with (param $out i32) (param $code i32) (param $ptr i32) (param $len i32)
    (local $response i32) (local $body i32)
    (local.set $response (call $response (call $fields)))
    (drop (call $status (local.get $response) (local.get $code)))
    (call $body (local.get $response) (i32.const 0))
    (local.set $body (i32.load (i32.const 4)))
    (call $set (local.get $out) (i32.const 0) (local.get $response)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
    (call $open (local.get $body) (i32.const 0))
    (call $write-flush (i32.load (i32.const 4)) (local.get $ptr) (local.get $len) (i32.const 16))
    (call $drop-stream (i32.load (i32.const 4)))
    (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 64)))`;

/** Passes on who asks for a path that ends in "k"; all others get 401. Keeps the headers. */
export const guard = link(`
  (data (i32.const 1024) "who are you?")
  ${answerWith}
  ${handle(`
    (drop (call $request-headers (local.get 0)))
    (call $path (local.get 0) (i32.const 512))
    (if (i32.eq (i32.const 107)
          (i32.load8_u (i32.sub
            (i32.add (i32.load (i32.const 516)) (i32.load (i32.const 520)))
            (i32.const 1))))
      (then (call $pass (local.get 0) (local.get 1)))
      (else
        (call $answer-with (local.get 1) (i32.const 401) (i32.const 1024) (i32.const 12))))`)}`);

/** Moves all that comes at `$from` to `$to`, and drops both ends. */
const moveAll = `
  (func $move-all (param $to i32) (param $from i32)
    (block $done (loop $more
      (call $splice (local.get $to) (local.get $from) (i64.const 65536) (i32.const 592))
      (br_if $done (i32.load8_u (i32.const 592)))
      (br $more)))
    (call $drop-input (local.get $from))
    (call $drop-stream (local.get $to)))`;

/** Sends the request on, and gives the answer with a header of its own. */
const relay = (path: string): string => `
  (data (i32.const 1024) "x-link")
  ${moveAll}
  ${handle(`
    (local $request i32) (local $future i32) (local $waiting i32) (local $answer i32)
    (local $response i32) (local $out i32) (local $in i32) (local $fields i32)
    (local.set $request (call $request (call $fields)))
    (call $path (local.get 0) (i32.const 512))
    ${path}
    (call $method (local.get 0) (i32.const 528))
    (drop (call $set-method (local.get $request) (i32.load8_u (i32.const 528))
      (i32.load (i32.const 532)) (i32.load (i32.const 536))))
    (if (i32.load8_u (i32.const 528)) (then
      (call $request-body (local.get $request) (i32.const 544))
      (local.set $out (i32.load (i32.const 548)))))
    (call $send (local.get $request) (i32.const 0) (i32.const 0) (i32.const 560))
    (if (i32.load8_u (i32.const 560)) (then unreachable))
    (local.set $future (i32.load (i32.const 568)))
    (if (i32.load8_u (i32.const 528)) (then
      (call $consume (local.get 0) (i32.const 576))
      (local.set $in (i32.load (i32.const 580)))
      (call $stream (local.get $in) (i32.const 576))
      (call $open (local.get $out) (i32.const 584))
      (call $move-all (i32.load (i32.const 588)) (i32.load (i32.const 580)))
      (call $drop-body (local.get $in))
      (call $finish (local.get $out) (i32.const 0) (i32.const 0) (i32.const 704))))
    (local.set $waiting (call $subscribe (local.get $future)))
    (call $block (local.get $waiting))
    (call $drop-pollable (local.get $waiting))
    (call $get (local.get $future) (i32.const 640))
    (if (i32.or (i32.load8_u (i32.const 648)) (i32.load8_u (i32.const 656))) (then unreachable))
    (local.set $answer (i32.load (i32.const 664)))
    (local.set $fields (call $fields))
    (call $append (local.get $fields) (i32.const 1024) (i32.const 6) (i32.const 1024)
      (i32.const 6) (i32.const 704))
    (local.set $response (call $response (local.get $fields)))
    (drop (call $status (local.get $response) (call $status-of (local.get $answer))))
    (call $body (local.get $response) (i32.const 544))
    (local.set $out (i32.load (i32.const 548)))
    (call $set (local.get 1) (i32.const 0) (local.get $response)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
    (call $open (local.get $out) (i32.const 584))
    (call $consume-response (local.get $answer) (i32.const 576))
    (local.set $in (i32.load (i32.const 580)))
    (call $stream (local.get $in) (i32.const 576))
    (call $move-all (i32.load (i32.const 588)) (i32.load (i32.const 580)))
    (call $drop-body (local.get $in))
    (call $finish (local.get $out) (i32.const 0) (i32.const 0) (i32.const 704))`)}`;

const samePath = `
  (drop (call $set-path (local.get $request) (i32.const 1)
    (i32.load (i32.const 516)) (i32.load (i32.const 520))))`;

export const relayLink = link(relay(samePath));

/** The same, but for another path. */
export function relayTo(path: string): Uint8Array<ArrayBuffer> {
  return link(`(data (i32.const 2048) "${path}")
    ${relay(`(drop (call $set-path (local.get $request) (i32.const 1)
      (i32.const 2048) (i32.const ${Buffer.byteLength(path)})))`)}`);
}

/** Says nothing at all. */
export const silent = link(handle(''));

/** Uses the right to answer twice. */
export const twice = link(`
  (data (i32.const 1024) "once")
  ${answer}
  ${handle(`
    (call $answer (local.get 1) (i32.const 1024) (i32.const 4))
    (call $answer (local.get 1) (i32.const 1024) (i32.const 4))`)}`);

/** Passes on, and traps then. */
export const trapsAfter = link(handle('(call $pass (local.get 0) (local.get 1)) unreachable'));

/** Sends the request on so often, and gives the last answer. */
export function flood(times: number): Uint8Array<ArrayBuffer> {
  return link(
    relay(`${samePath}
    (loop $more
      (local.set $future (call $request (call $fields)))
      (drop (call $set-path (local.get $future) (i32.const 1)
        (i32.load (i32.const 516)) (i32.load (i32.const 520))))
      (call $send (local.get $future) (i32.const 0) (i32.const 0) (i32.const 560))
      (local.set $waiting (call $subscribe (i32.load (i32.const 568))))
      (call $block (local.get $waiting))
      (call $drop-pollable (local.get $waiting))
      (local.set $in (i32.add (local.get $in) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $in) (i32.const ${times}))))`),
  );
}

/** Sends the request on twice at once, and gives the second answer. */
export const pair = link(
  relay(`${samePath}
    (local.set $future (call $request (call $fields)))
    (drop (call $set-path (local.get $future) (i32.const 1)
      (i32.load (i32.const 516)) (i32.load (i32.const 520))))
    (call $send (local.get $future) (i32.const 0) (i32.const 0) (i32.const 560))`),
);
