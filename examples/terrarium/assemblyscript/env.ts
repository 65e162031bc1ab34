// Every hostcall of the Terrarium ABI. The compiler takes the import's module from the name of
// this file, "env", and the import's name from the function.

export type Request = i32;
export type Response = i32;
export type Pending = i32;

export const REQUEST_INCOMING: Request = 0;
export const RESPONSE_OUTGOING: Response = 0;
export const FAILED: i32 = -1;
export const NOT_READY: i32 = -2;

// "p" is a pointer, "n" a length; "out" marks a place that the host writes to.

export declare function hostcall_init_mm(mallocIndex: u32, freeIndex: u32): void;
export declare function hostcall_panic_hook(p: usize, n: usize): void;
export declare function hostcall_debug(p: usize, n: usize): void;

export declare function hostcall_req_get_method(outP: usize, outN: usize, req: Request): void;
export declare function hostcall_req_get_path(outP: usize, outN: usize, req: Request): void;
export declare function hostcall_req_get_body(outP: usize, outN: usize, req: Request): void;
export declare function hostcall_req_get_headers(outP: usize, outN: usize, req: Request): void;
export declare function hostcall_req_get_header(
  outP: usize,
  outN: usize,
  req: Request,
  name: usize,
  nameN: usize,
): void;

export declare function hostcall_req_create(
  method: usize,
  methodN: usize,
  url: usize,
  urlN: usize,
): Request;
export declare function hostcall_req_set_header(
  req: Request,
  name: usize,
  nameN: usize,
  values: usize,
  count: usize,
): i32;
export declare function hostcall_req_set_body(req: Request, p: usize, n: usize): i32;
export declare function hostcall_req_send(req: Request): Response;
export declare function hostcall_req_send_async(req: Request): Pending;
export declare function hostcall_pending_req_wait(pending: Pending): Response;
export declare function hostcall_pending_req_poll(pending: Pending): Response;
export declare function hostcall_pending_req_select(
  pendings: usize,
  count: usize,
  outEnded: usize,
): Response;

export declare function hostcall_resp_get_response_code(resp: Response): i32;
export declare function hostcall_resp_get_headers(outP: usize, outN: usize, resp: Response): void;
export declare function hostcall_resp_get_header(
  outP: usize,
  outN: usize,
  resp: Response,
  name: usize,
  nameN: usize,
): void;
export declare function hostcall_resp_get_body(outP: usize, outN: usize, resp: Response): void;
export declare function hostcall_resp_set_response_code(resp: Response, code: i32): i32;
export declare function hostcall_resp_set_header(
  resp: Response,
  name: usize,
  nameN: usize,
  values: usize,
  count: usize,
): i32;
export declare function hostcall_resp_set_body(resp: Response, p: usize, n: usize): i32;

export declare function hostcall_kvstore_insert(key: usize, keyN: usize, p: usize, n: usize): i32;
export declare function hostcall_kvstore_upsert(key: usize, keyN: usize, p: usize, n: usize): i32;
export declare function hostcall_kvstore_append(key: usize, keyN: usize, p: usize, n: usize): i32;
export declare function hostcall_kvstore_get(
  outP: usize,
  outN: usize,
  key: usize,
  keyN: usize,
): i32;
export declare function hostcall_kvstore_remove(key: usize, keyN: usize): i32;

export declare function hostcall_rng_next_u64(): u64;
export declare function hostcall_time_now(outNanoseconds: usize): u64;
export declare function hostcall_dns_query_raw(
  outP: usize,
  outN: usize,
  query: usize,
  n: usize,
): i32;
export declare function hostcall_dns_query_ip(
  outP: usize,
  outN: usize,
  name: usize,
  nameN: usize,
  isIpv6: i32,
): i32;
