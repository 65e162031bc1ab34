// An allocator for the host, and wrappers for strings: UTF-16 here, UTF-8 at the host.

import {
  hostcall_panic_hook,
  hostcall_req_get_path,
  hostcall_resp_set_body,
  hostcall_resp_set_header,
  hostcall_resp_set_response_code,
  REQUEST_INCOMING,
  RESPONSE_OUTGOING,
} from './env';

// The host asks here for the memory of what it hands over.

export function default_malloc_impl(size: usize): usize {
  return heap.alloc(size);
}

export function default_free_impl(p: usize): void {
  if (p !== 0) heap.free(p);
}

// Two words for the host to write a pointer and a length to.
const out = memory.data(8);

/** Path and query of the visitor's request, e.g. "/dice.wasm?sides=20". */
export function requestPath(): string {
  hostcall_req_get_path(out, out + 4, REQUEST_INCOMING);
  const p = load<usize>(out);
  const path = String.UTF8.decodeUnsafe(p, load<usize>(out, 4));
  default_free_impl(p);
  return path;
}

/** The value of a name in the query as it stands there, escapes included; "" when absent. */
export function queryValue(path: string, name: string): string {
  const question = path.indexOf('?');
  if (question < 0) return '';
  const pairs = path.substring(question + 1).split('&');
  for (let i = 0; i < pairs.length; i++) {
    if (pairs[i].startsWith(`${name}=`)) return pairs[i].substring(name.length + 1);
  }
  return '';
}

export function setHeader(name: string, value: string): void {
  const nameUtf8 = String.UTF8.encode(name);
  const valueUtf8 = String.UTF8.encode(value);
  store<usize>(out, changetype<usize>(valueUtf8));
  store<usize>(out, valueUtf8.byteLength, 4);
  hostcall_resp_set_header(
    RESPONSE_OUTGOING,
    changetype<usize>(nameUtf8),
    nameUtf8.byteLength,
    out,
    1,
  );
}

export function respond(code: i32, contentType: string, body: string): void {
  const bodyUtf8 = String.UTF8.encode(body);
  hostcall_resp_set_response_code(RESPONSE_OUTGOING, code);
  setHeader('content-type', contentType);
  hostcall_resp_set_body(RESPONSE_OUTGOING, changetype<usize>(bodyUtf8), bodyUtf8.byteLength);
}

/** Takes the place of env.abort (build with --use abort=terrarium/abort): report, then trap. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const where = `${file ? file : ''}:${line.toString()}:${column.toString()}`;
  const report = String.UTF8.encode(`${message ? message : 'abort'} at ${where}`);
  hostcall_panic_hook(changetype<usize>(report), report.byteLength);
  unreachable();
}
