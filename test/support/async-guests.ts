/** Components of WASI 0.3, each named for what it does. */
import {
  type ComponentOptions,
  makeComponent,
  plainOptions,
  type TypeFinder,
} from './component-bytes.ts';

const http = 'wasi:http/types@0.3.0';
const client = 'wasi:http/client@0.3.0';
const clock = 'wasi:clocks/monotonic-clock@0.3.0';

const imports = {
  'wasi:clocks/types@0.3.0': [],
  [clock]: ['now', 'wait-for', '[async-lower]wait-for'],
  [http]: [
    '[constructor]fields',
    '[method]fields.append',
    '[static]response.new',
    '[method]response.set-status-code',
    '[static]request.new',
    '[method]request.set-scheme',
    '[method]request.set-authority',
    '[static]request.consume-body',
    '[static]response.consume-body',
    '[resource-drop]request',
  ],
  [client]: ['[async-lower]send', 'send'],
} as const;

const asyncMemory = [0x03, 0x03, 0x00, 0x04, 0x00, 0x06];

/** Built-in functions, each with the types of `wasi:http`. */
function canons({ index, value, func }: TypeFinder): Readonly<Record<string, readonly number[]>> {
  const { params } = func(http, '[static]response.new');
  const contents = params[1]?.type;
  const trailers = params[2]?.type;
  const { result } = func(client, 'send');
  const done = func(http, '[static]request.consume-body').params[1]?.type;
  if (contents?.kind !== 'option' || trailers === undefined || done === undefined) {
    throw new TypeError('Cannot make a guest: the interface is another one');
  }
  if (result === undefined) throw new TypeError('Cannot make a guest: `send` answers nothing');
  const stream = leb(index(contents.some));
  const future = leb(index(trailers));
  const doneFuture = leb(index(done));
  return {
    'task.return': [0x09, 0x00, ...value(result), 0x01, 0x03, 0x00],
    'task.cancel': [0x05],
    'subtask.cancel': [0x06, 0x00],
    'subtask.drop': [0x0d],
    yield: [0x0c, 0x00],
    'context.get': [0x0a, 0x7f, 0x00],
    'context.set': [0x0b, 0x7f, 0x00],
    'stream.new': [0x0e, ...stream],
    'stream.read': [0x0f, ...stream, ...asyncMemory],
    'stream.write': [0x10, ...stream, ...asyncMemory],
    'stream.read-sync': [0x0f, ...stream, ...plainOptions],
    'stream.write-sync': [0x10, ...stream, ...plainOptions],
    'stream.cancel-read': [0x11, ...stream, 0x00],
    'stream.cancel-write': [0x12, ...stream, 0x00],
    'stream.drop-readable': [0x13, ...stream],
    'stream.drop-writable': [0x14, ...stream],
    'future.new': [0x15, ...future],
    'future.read': [0x16, ...future, ...asyncMemory],
    'future.write': [0x17, ...future, ...asyncMemory],
    'future.drop-readable': [0x1a, ...future],
    'future.drop-writable': [0x1b, ...future],
    'done.new': [0x15, ...doneFuture],
    'done.read': [0x16, ...doneFuture, ...asyncMemory],
    'done.write': [0x17, ...doneFuture, ...asyncMemory],
    'done.drop-readable': [0x1a, ...doneFuture],
    'set.new': [0x1f],
    'set.wait': [0x20, 0x00, 0x00],
    'set.poll': [0x21, 0x00, 0x00],
    'set.drop': [0x22],
    join: [0x23],
    'backpressure.inc': [0x24],
    'backpressure.dec': [0x25],
  };
}

function leb(value: number): readonly number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...leb(Math.floor(value / 128))];
}

const flat = '(param i32 i32 i32 i64 i32 i32 i32 i32)';

const head = `
  (import "libc" "memory" (memory 1))
  (import "${clock}" "now" (func $now (result i64)))
  (import "${clock}" "wait-for" (func $sleep (param i64)))
  (import "${clock}" "[async-lower]wait-for" (func $after (param i64) (result i32)))
  (import "${http}" "[constructor]fields" (func $fields (result i32)))
  (import "${http}" "[method]fields.append" (func $append (param i32 i32 i32 i32 i32 i32)))
  (import "${http}" "[static]response.new" (func $response (param i32 i32 i32 i32 i32)))
  (import "${http}" "[method]response.set-status-code" (func $status (param i32 i32) (result i32)))
  (import "${http}" "[static]request.new"
    (func $request (param i32 i32 i32 i32 i32 i32 i32)))
  (import "${http}" "[method]request.set-scheme"
    (func $set-scheme (param i32 i32 i32 i32 i32) (result i32)))
  (import "${http}" "[method]request.set-authority"
    (func $set-authority (param i32 i32 i32 i32) (result i32)))
  (import "${http}" "[static]request.consume-body" (func $consume (param i32 i32 i32)))
  (import "${http}" "[static]response.consume-body" (func $consume-response (param i32 i32 i32)))
  (import "${http}" "[resource-drop]request" (func $drop-request (param i32)))
  (import "${client}" "[async-lower]send" (func $send (param i32 i32) (result i32)))
  (import "${client}" "send" (func $send-sync (param i32 i32)))
  (import "canon" "task.return" (func $return ${flat}))
  (import "canon" "task.cancel" (func $cancel))
  (import "canon" "subtask.cancel" (func $subtask-cancel (param i32) (result i32)))
  (import "canon" "subtask.drop" (func $subtask-drop (param i32)))
  (import "canon" "yield" (func $yield (result i32)))
  (import "canon" "context.get" (func $get (result i32)))
  (import "canon" "context.set" (func $set (param i32)))
  (import "canon" "stream.new" (func $stream (result i64)))
  (import "canon" "stream.read" (func $read (param i32 i32 i32) (result i32)))
  (import "canon" "stream.write" (func $write (param i32 i32 i32) (result i32)))
  (import "canon" "stream.read-sync" (func $read-sync (param i32 i32 i32) (result i32)))
  (import "canon" "stream.write-sync" (func $write-sync (param i32 i32 i32) (result i32)))
  (import "canon" "stream.cancel-read" (func $cancel-read (param i32) (result i32)))
  (import "canon" "stream.cancel-write" (func $cancel-write (param i32) (result i32)))
  (import "canon" "stream.drop-readable" (func $close-reader (param i32)))
  (import "canon" "stream.drop-writable" (func $close (param i32)))
  (import "canon" "future.new" (func $future (result i64)))
  (import "canon" "future.read" (func $future-read (param i32 i32) (result i32)))
  (import "canon" "future.write" (func $future-write (param i32 i32) (result i32)))
  (import "canon" "future.drop-readable" (func $future-close-reader (param i32)))
  (import "canon" "future.drop-writable" (func $future-close (param i32)))
  (import "canon" "done.new" (func $done (result i64)))
  (import "canon" "done.read" (func $done-read (param i32 i32) (result i32)))
  (import "canon" "done.write" (func $done-write (param i32 i32) (result i32)))
  (import "canon" "done.drop-readable" (func $done-close-reader (param i32)))
  (import "canon" "set.new" (func $set-new (result i32)))
  (import "canon" "set.wait" (func $set-wait (param i32 i32) (result i32)))
  (import "canon" "set.poll" (func $set-poll (param i32 i32) (result i32)))
  (import "canon" "set.drop" (func $set-drop (param i32)))
  (import "canon" "join" (func $join (param i32 i32)))
  (import "canon" "backpressure.inc" (func $inc))
  (import "canon" "backpressure.dec" (func $dec))

  (global $out (mut i32) (i32.const 0))
  (global $trailers (mut i32) (i32.const 0))
  ;; Answers 200 with a body that is still to come, by $out and then $trailers.
  (func $begin
    (local $s i64) (local $f i64)
    (local.set $s (call $stream))
    (local.set $f (call $future))
    (call $response (call $fields) (i32.const 1) (i32.wrap_i64 (local.get $s))
      (i32.wrap_i64 (local.get $f)) (i32.const 0))
    (global.set $out (i32.wrap_i64 (i64.shr_u (local.get $s) (i64.const 32))))
    (global.set $trailers (i32.wrap_i64 (i64.shr_u (local.get $f) (i64.const 32))))
    (call $answer (i32.load (i32.const 0))))
  (func $answer (param $response i32)
    (call $return (i32.const 0) (local.get $response) (i32.const 0) (i64.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
  ;; The good end of the body.
  (func $end
    (call $close (global.get $out))
    (drop (call $future-write (global.get $trailers) (i32.const 256)))
    (call $future-close (global.get $trailers)))
  (func $say (param $ptr i32) (param $len i32)
    (drop (call $write (global.get $out) (local.get $ptr) (local.get $len))))
  ;; Its body and trailers, at 8 and 12.
  (func $open (param $request i32)
    (local $d i64)
    (local.set $d (call $done))
    (call $consume (local.get $request) (i32.wrap_i64 (local.get $d)) (i32.const 8)))
`;

/** A service: `handle` gets the request; with `callback` it may answer a code and a set. */
export function serviceGuest(
  functions: string,
  how: {
    readonly callback?: boolean;
    readonly libc?: string;
    readonly nested?: ComponentOptions['nested'];
    /** Interfaces beside those of 0.3, and how the text imports them. */
    readonly beside?: {
      readonly imports: Readonly<Record<string, readonly string[]>>;
      readonly head: string;
    };
  } = {},
): Uint8Array<ArrayBuffer> {
  const { callback = true, libc, beside, nested } = how;
  return makeComponent({
    wat: `(module ${beside?.head ?? ''} ${head} ${functions})`,
    imports: { ...beside?.imports, ...imports },
    canons,
    exports: ['wasi:http/handler@0.3.0', 'handle'],
    async: callback ? { callback: 'callback' } : {},
    ...(libc === undefined ? {} : { libc }),
    ...(nested === undefined ? {} : { nested }),
  });
}

/** A callback that nothing should call. */
export const noCallback = '(func (export "callback") (param i32 i32 i32) (result i32) unreachable)';

const stdout = 'wasi:cli/stdout@0.3.0';
const stderr = 'wasi:cli/stderr@0.3.0';

/** A program: `run` answers by `$return`, 0 when it has done well. */
export function commandGuest(functions: string, libc?: string): Uint8Array<ArrayBuffer> {
  return makeComponent({
    wat: `(module
      (import "libc" "memory" (memory 1))
      (import "${stdout}" "write-via-stream" (func $write-via (param i32) (result i32)))
      (import "${stderr}" "write-via-stream" (func $write-via-error (param i32) (result i32)))
      (import "canon" "task.return" (func $return (param i32)))
      (import "canon" "stream.new" (func $stream (result i64)))
      (import "canon" "stream.write" (func $write (param i32 i32 i32) (result i32)))
      (import "canon" "stream.drop-writable" (func $close (param i32)))
      ${functions})`,
    imports: {
      'wasi:cli/types@0.3.0': [],
      [stdout]: ['write-via-stream'],
      [stderr]: ['write-via-stream'],
    },
    canons: ({ index, value, func }) => {
      const contents = func(stdout, 'write-via-stream').params[0]?.type;
      if (contents === undefined) throw new TypeError('Cannot make a guest: no stream');
      const stream = leb(index(contents));
      const result = value({ kind: 'result', ok: undefined, error: undefined });
      return {
        'task.return': [0x09, 0x00, ...result, 0x01, 0x03, 0x00],
        'stream.new': [0x0e, ...stream],
        'stream.write': [0x10, ...stream, ...asyncMemory],
        'stream.drop-writable': [0x14, ...stream],
      };
    },
    exports: ['wasi:cli/run@0.3.0', 'run'],
    async: { callback: 'callback' },
    ...(libc === undefined ? {} : { libc }),
  });
}
