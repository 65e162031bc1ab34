/** Small programs for Fastly Compute in WebAssembly text, put together from steps. */
import { assemble } from './abi-puppet.ts';

const i32s = (count: number): string => `(param ${'i32 '.repeat(count)}) (result i32)`;

/** Module, function, how many parameters. */
const imports: readonly (readonly [string, string, number])[] = [
  ['fastly_http_req', 'body_downstream_get', 2],
  ['fastly_http_req', 'uri_get', 4],
  ['fastly_http_req', 'header_value_get', 6],
  ['fastly_http_resp', 'new', 1],
  ['fastly_http_resp', 'status_set', 2],
  ['fastly_http_resp', 'header_insert', 5],
  ['fastly_http_resp', 'send_downstream', 3],
  ['fastly_http_body', 'new', 1],
  ['fastly_http_body', 'read', 4],
  ['fastly_http_body', 'write', 5],
  ['fastly_http_body', 'append', 2],
  ['fastly_http_body', 'trailer_append', 5],
  ['fastly_http_body', 'close', 1],
  ['fastly_http_req', 'new', 1],
  ['fastly_http_req', 'send', 6],
  ['fastly_http_req', 'cache_override_v2_set', 6],
  ['fastly_cache', 'lookup', 5],
  ['fastly_cache', 'transaction_lookup', 5],
  ['fastly_cache', 'transaction_insert', 4],
  ['fastly_cache', 'get_state', 2],
  ['fastly_cache', 'get_body', 4],
  ['fastly_purge', 'purge_surrogate_key', 4],
  ['fastly_async_io', 'select', 4],
  ['fastly_http_downstream', 'downstream_tls_protocol', 4],
  ['fastly_http_downstream', 'downstream_tls_ja4', 4],
  ['fastly_http_downstream', 'downstream_client_h2_fingerprint', 4],
  ['fastly_log', 'endpoint_get', 3],
  ['fastly_log', 'write', 4],
  ['wasi_snapshot_preview1', 'environ_sizes_get', 2],
  ['wasi_snapshot_preview1', 'environ_get', 2],
  ['wasi_snapshot_preview1', 'fd_prestat_get', 2],
  ['wasi_snapshot_preview1', 'fd_write', 4],
];

const exit = '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))';

/**
 * Addresses: 0 request, 4 body, 8 response, 12 the answer's body, 16 what was written, 20 on for
 * steps; texts from 1024; room from 65536.
 */
const steps = `
  (func $ask (drop (call $fastly_http_req.body_downstream_get (i32.const 0) (i32.const 4))))
  (func $answer (param $status i32)
    (drop (call $fastly_http_resp.new (i32.const 8)))
    (drop (call $fastly_http_body.new (i32.const 12)))
    (drop (call $fastly_http_resp.status_set (i32.load (i32.const 8)) (local.get $status))))
  (func $header (param $name i32) (param $name_len i32) (param $value i32) (param $value_len i32)
    (drop (call $fastly_http_resp.header_insert (i32.load (i32.const 8))
      (local.get $name) (local.get $name_len) (local.get $value) (local.get $value_len))))
  (func $trailer (param $name i32) (param $name_len i32) (param $value i32) (param $value_len i32)
    (drop (call $fastly_http_body.trailer_append (i32.load (i32.const 12))
      (local.get $name) (local.get $name_len) (local.get $value) (local.get $value_len))))
  (func $write (param $ptr i32) (param $len i32)
    (drop (call $fastly_http_body.write (i32.load (i32.const 12))
      (local.get $ptr) (local.get $len) (i32.const 0) (i32.const 16))))
  (func $send (param $streaming i32)
    (drop (call $fastly_http_resp.send_downstream
      (i32.load (i32.const 8)) (i32.load (i32.const 12)) (local.get $streaming))))
  (func $close (drop (call $fastly_http_body.close (i32.load (i32.const 12)))))
  (func $log (param $ptr i32) (param $len i32)
    (drop (call $fastly_log.endpoint_get (i32.const 1024) (i32.const 4) (i32.const 20)))
    (drop (call $fastly_log.write (i32.load (i32.const 20))
      (local.get $ptr) (local.get $len) (i32.const 16))))`;

/**
 * A program of these steps, such as `(call $answer (i32.const 200))`; \`"…"\` in them becomes the
 * address and the length of a text.
 */
export function fastlyProgram(body: string, rest = ''): Promise<Uint8Array> {
  let next = 1_028;
  const data = ['(data (i32.const 1024) "test")'];
  const code = body.replaceAll(/"((?:[^"\\]|\\.)*)"/g, (_whole, text: string) => {
    const bytes = Buffer.from(text.replaceAll('\\n', '\n'));
    const escaped = [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
    data.push(`(data (i32.const ${next}) "${escaped}")`);
    const place = `(i32.const ${next}) (i32.const ${bytes.length})`;
    next += bytes.length;
    return place;
  });
  const imported = imports.map(([module, name, count]) => {
    const own = `$${module.replace('wasi_snapshot_preview1', 'wasi')}.${name}`;
    return `(import "${module}" "${name}" (func ${own} ${i32s(count)}))`;
  });
  return assemble(`(module ${imported.join('\n')} ${exit}
    (memory (export "memory") 4) ${data.join('\n')} ${steps} ${rest}
    (func (export "_start") ${code}))`);
}
