/** Handlers of http-wasm, each named for what it does. */
import { assemble } from './abi-puppet.ts';

const imports = [
  ['enable_features', '(param i32) (result i32)'],
  ['get_config', '(param i32 i32) (result i32)'],
  ['log_enabled', '(param i32) (result i32)'],
  ['log', '(param i32 i32 i32)'],
  ['get_method', '(param i32 i32) (result i32)'],
  ['set_method', '(param i32 i32)'],
  ['get_uri', '(param i32 i32) (result i32)'],
  ['set_uri', '(param i32 i32)'],
  ['get_protocol_version', '(param i32 i32) (result i32)'],
  ['get_source_addr', '(param i32 i32) (result i32)'],
  ['get_status_code', '(result i32)'],
  ['set_status_code', '(param i32)'],
  ['get_header_names', '(param i32 i32 i32) (result i64)'],
  ['get_header_values', '(param i32 i32 i32 i32 i32) (result i64)'],
  ['set_header_value', '(param i32 i32 i32 i32 i32)'],
  ['add_header_value', '(param i32 i32 i32 i32 i32)'],
  ['remove_header', '(param i32 i32 i32)'],
  ['read_body', '(param i32 i32 i32) (result i64)'],
  ['write_body', '(param i32 i32 i32)'],
].map(([name, type]) => `(import "http_handler" "${name}" (func $${name} ${type}))`);

interface Handler {
  /** Text at 1024. */
  readonly data?: string;
  /** Gives an i64: what `handle_request` answers. */
  readonly request: string;
  /** Has `$context` and `$is_error`. */
  readonly response?: string;
  readonly more?: string;
}

/** Room from 4096 on is free. */
export function handler({ data = '', request, response = '', more = '' }: Handler) {
  return assemble(`(module
    ${imports.join('\n')}
    (memory (export "memory") 4)
    (data (i32.const 1024) "${data}")
    ${more}
    (func (export "handle_request") (result i64) (local $len i32) (local $read i64) ${request})
    (func (export "handle_response") (param $context i32) (param $is_error i32)
      (local $len i32) (local $read i64) ${response}))`);
}

export const passes = '(i64.const 1)';
export const answers = '(i64.const 0)';
export const bufferRequest = '(drop (call $enable_features (i32.const 1)))';
export const bufferResponse = '(drop (call $enable_features (i32.const 2)))';

/**
 * Reads both bodies. Says in a header what that trailer of the request was, and sends `x-more`
 * behind it; of the response it removes that one, and adds `x-more`.
 *
 * @param wanted Of six characters.
 */
export const trailerHandler = (wanted: string): Promise<Uint8Array> =>
  handler({
    data: `${wanted}x-seenx-more1`,
    more: `
      (func $read-all (param $side i32)
        (loop $more
          (br_if $more (i64.eqz (i64.shr_u
            (call $read_body (local.get $side) (i32.const 65536) (i32.const 65536))
            (i64.const 32))))))`,
    request: `
      (drop (call $enable_features (i32.const 7)))
      (call $read-all (i32.const 0))
      (local.set $read (call $get_header_values (i32.const 2) (i32.const 1024) (i32.const 6)
        (i32.const 4096) (i32.const 64)))
      ;; Without the NUL behind it.
      (if (i32.wrap_i64 (local.get $read)) (then
        (call $add_header_value (i32.const 0) (i32.const 1030) (i32.const 6) (i32.const 4096)
          (i32.sub (i32.wrap_i64 (local.get $read)) (i32.const 1)))))
      (call $add_header_value (i32.const 2) (i32.const 1036) (i32.const 6)
        (i32.const 1042) (i32.const 1))
      ${passes}`,
    response: `
      (call $read-all (i32.const 1))
      (call $remove_header (i32.const 3) (i32.const 1024) (i32.const 6))
      (call $add_header_value (i32.const 3) (i32.const 1036) (i32.const 6)
        (i32.const 1042) (i32.const 1))`,
  });

/** Passes on who asks for a path that ends in "k"; all others get 401. */
export const guardHandler = (): Promise<Uint8Array> =>
  handler({
    data: 'who are you?',
    request: `
      (local.set $len (call $get_uri (i32.const 4096) (i32.const 1024)))
      (if (result i64) (i32.eq (i32.const 107)
            (i32.load8_u (i32.add (i32.const 4095) (local.get $len))))
        (then ${passes})
        (else
          (call $set_status_code (i32.const 401))
          (call $write_body (i32.const 1) (i32.const 1024) (i32.const 12))
          ${answers}))`,
  });

/** Reads all of a body, a page at a time, and writes it in upper case where `$side` is 1. */
const moveUpper = (side: number): string => `
  (block $done (loop $more
    (local.set $read (call $read_body (i32.const ${side}) (i32.const 65536) (i32.const 65536)))
    (call $upper (i32.wrap_i64 (local.get $read)))
    (call $write_body (i32.const ${side}) (i32.const 65536) (i32.wrap_i64 (local.get $read)))
    (br_if $more (i64.eqz (i64.shr_u (local.get $read) (i64.const 32))))))`;

const upper = `
  (func $upper (param $len i32) (local $at i32) (local $byte i32)
    (local.set $at (i32.const 65536))
    (local.set $len (i32.add (local.get $len) (i32.const 65536)))
    (block $end (loop $next
      (br_if $end (i32.ge_u (local.get $at) (local.get $len)))
      (local.set $byte (i32.load8_u (local.get $at)))
      (if (i32.and (i32.ge_u (local.get $byte) (i32.const 97))
                   (i32.le_u (local.get $byte) (i32.const 122)))
        (then (i32.store8 (local.get $at) (i32.sub (local.get $byte) (i32.const 32)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next))))`;

/** Writes both bodies anew, in upper case. */
export const upperHandler = (): Promise<Uint8Array> =>
  handler({
    request: `${bufferResponse} ${moveUpper(0)} ${passes}`,
    response: moveUpper(1),
    more: upper,
  });

/** Reads four bytes of the request's body before it passes it on. */
export const peekHandler = (feature: string): Promise<Uint8Array> =>
  handler({
    request: `${feature}
      (drop (call $read_body (i32.const 0) (i32.const 4096) (i32.const 4))) ${passes}`,
  });

/**
 * Adds the digit of its context, and of the requests that its instance has had, to the response.
 * The context is 7.
 */
export const tagHandler = (): Promise<Uint8Array> =>
  handler({
    data: 'x-handled',
    more: '(global $count (mut i32) (i32.const 0))',
    request: `${bufferResponse}
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (i32.store8 (i32.const 2048) (i32.const 7))
      (i64.or (i64.shl (i64.const 7) (i64.const 32)) (i64.const 1))`,
    response: `
      (i32.store8 (i32.const 4096) (i32.add (i32.const 48) (local.get $context)))
      (i32.store8 (i32.const 4097) (i32.add (i32.const 48) (global.get $count)))
      (i32.store8 (i32.const 4098) (i32.add (i32.const 48) (i32.load8_u (i32.const 2048))))
      (call $add_header_value (i32.const 1) (i32.const 1024) (i32.const 9)
        (i32.const 4096) (i32.const 3))`,
  });

/** Answers with its configuration, which it reads when the program starts. */
export const configHandler = (start: string): Promise<Uint8Array> =>
  handler({
    more: `(func (export "${start}")
      (i32.store (i32.const 16) (call $get_config (i32.const 4096) (i32.const 1024))))`,
    request: `(call $write_body (i32.const 1) (i32.const 4096) (i32.load (i32.const 16)))
      ${answers}`,
  });

/** Where nobody behind could answer, it does. */
export const rescueHandler = (): Promise<Uint8Array> =>
  handler({
    data: 'rescued',
    request: `${bufferResponse} ${passes}`,
    response: `(if (local.get $is_error) (then
      (call $set_status_code (i32.const 203))
      (call $write_body (i32.const 1) (i32.const 1024) (i32.const 7))))`,
  });
