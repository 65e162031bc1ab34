/**
 * The 32 hostcalls in the order of the contract, with their types. All of them are always there:
 * a module may import what it never calls (A15).
 */
import type { FunctionFace } from '../abi.ts';

const i32 = 'i32';
const i64 = 'i64';

function face(paramCount: number, ...results: readonly string[]): FunctionFace {
  return { params: Array.from({ length: paramCount }, () => i32), results };
}

/** Import name in module `env` → type. */
export const hostcallTypes: ReadonlyMap<string, FunctionFace> = new Map([
  ['hostcall_init_mm', face(2)],
  ['hostcall_panic_hook', face(2)],
  ['hostcall_debug', face(2)],
  ['hostcall_req_get_method', face(3)],
  ['hostcall_req_get_path', face(3)],
  ['hostcall_req_get_body', face(3)],
  ['hostcall_req_get_headers', face(3)],
  ['hostcall_req_get_header', face(5)],
  ['hostcall_req_create', face(4, i32)],
  ['hostcall_req_set_header', face(5, i32)],
  ['hostcall_req_set_body', face(3, i32)],
  ['hostcall_req_send', face(1, i32)],
  ['hostcall_req_send_async', face(1, i32)],
  ['hostcall_pending_req_wait', face(1, i32)],
  ['hostcall_pending_req_poll', face(1, i32)],
  ['hostcall_pending_req_select', face(3, i32)],
  ['hostcall_resp_get_response_code', face(1, i32)],
  ['hostcall_resp_get_headers', face(3)],
  ['hostcall_resp_get_header', face(5)],
  ['hostcall_resp_get_body', face(3)],
  ['hostcall_resp_set_response_code', face(2, i32)],
  ['hostcall_resp_set_header', face(5, i32)],
  ['hostcall_resp_set_body', face(3, i32)],
  ['hostcall_kvstore_insert', face(4, i32)],
  ['hostcall_kvstore_upsert', face(4, i32)],
  ['hostcall_kvstore_append', face(4, i32)],
  ['hostcall_kvstore_get', face(4, i32)],
  ['hostcall_kvstore_remove', face(2, i32)],
  ['hostcall_rng_next_u64', face(0, i64)],
  ['hostcall_time_now', face(1, i64)],
  ['hostcall_dns_query_raw', face(4, i32)],
  ['hostcall_dns_query_ip', face(5, i32)],
]);

/** What compilers add to any module: answered too, so that their output runs as it comes. */
export const compilerImportTypes: ReadonlyMap<string, FunctionFace> = new Map([
  ['emscripten_notify_memory_growth', face(1)],
  ['abort', face(4)],
]);
