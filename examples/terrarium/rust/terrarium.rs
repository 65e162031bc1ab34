//! The Terrarium ABI for Rust: every hostcall as it is, an allocator for the host, and the few
//! types that a function needs.

use std::alloc::{alloc, dealloc, Layout};

/// The hostcalls, named as in the ABI without their prefix.
#[allow(dead_code)]
pub mod raw {
    #[repr(C)]
    pub struct Slice {
        pub ptr: *const u8,
        pub len: usize,
    }

    macro_rules! hostcalls {
        ($($import:literal $name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
            #[link(wasm_import_module = "env")]
            extern "C" {
                $(#[link_name = $import]
                pub fn $name($($arg: $type),*) $(-> $result)?;)*
            }
        };
    }

    hostcalls! {
        "hostcall_init_mm" init_mm(malloc: i32, free: i32);
        "hostcall_panic_hook" panic_hook(ptr: *const u8, len: usize);
        "hostcall_debug" debug(ptr: *const u8, len: usize);

        "hostcall_req_get_method" req_get_method(ptr: *mut *mut u8, len: *mut usize, req: i32);
        "hostcall_req_get_path" req_get_path(ptr: *mut *mut u8, len: *mut usize, req: i32);
        "hostcall_req_get_body" req_get_body(ptr: *mut *mut u8, len: *mut usize, req: i32);
        "hostcall_req_get_headers"
            req_get_headers(names: *mut *mut Slice, count: *mut usize, req: i32);
        "hostcall_req_get_header" req_get_header(
            values: *mut *mut Slice, count: *mut usize, req: i32, name: *const u8, len: usize);

        "hostcall_req_create" req_create(
            method: *const u8, method_len: usize, url: *const u8, url_len: usize) -> i32;
        "hostcall_req_set_header" req_set_header(
            req: i32, name: *const u8, len: usize, values: *const Slice, count: usize) -> i32;
        "hostcall_req_set_body" req_set_body(req: i32, ptr: *const u8, len: usize) -> i32;
        "hostcall_req_send" req_send(req: i32) -> i32;
        "hostcall_req_send_async" req_send_async(req: i32) -> i32;
        "hostcall_pending_req_wait" pending_req_wait(pending: i32) -> i32;
        "hostcall_pending_req_poll" pending_req_poll(pending: i32) -> i32;
        "hostcall_pending_req_select"
            pending_req_select(pending: *const i32, count: usize, ended: *mut i32) -> i32;

        "hostcall_resp_get_response_code" resp_get_response_code(resp: i32) -> i32;
        "hostcall_resp_get_headers"
            resp_get_headers(names: *mut *mut Slice, count: *mut usize, resp: i32);
        "hostcall_resp_get_header" resp_get_header(
            values: *mut *mut Slice, count: *mut usize, resp: i32, name: *const u8, len: usize);
        "hostcall_resp_get_body" resp_get_body(ptr: *mut *mut u8, len: *mut usize, resp: i32);
        "hostcall_resp_set_response_code" resp_set_response_code(resp: i32, code: i32) -> i32;
        "hostcall_resp_set_header" resp_set_header(
            resp: i32, name: *const u8, len: usize, values: *const Slice, count: usize) -> i32;
        "hostcall_resp_set_body" resp_set_body(resp: i32, ptr: *const u8, len: usize) -> i32;

        "hostcall_kvstore_insert" kvstore_insert(
            key: *const u8, key_len: usize, ptr: *const u8, len: usize) -> i32;
        "hostcall_kvstore_upsert" kvstore_upsert(
            key: *const u8, key_len: usize, ptr: *const u8, len: usize) -> i32;
        "hostcall_kvstore_append" kvstore_append(
            key: *const u8, key_len: usize, ptr: *const u8, len: usize) -> i32;
        "hostcall_kvstore_get" kvstore_get(
            ptr: *mut *mut u8, len: *mut usize, key: *const u8, key_len: usize) -> i32;
        "hostcall_kvstore_remove" kvstore_remove(key: *const u8, key_len: usize) -> i32;

        "hostcall_rng_next_u64" rng_next_u64() -> u64;
        "hostcall_time_now" time_now(nanoseconds: *mut u32) -> u64;
        "hostcall_dns_query_raw" dns_query_raw(
            ptr: *mut *mut u8, len: *mut usize, query: *const u8, query_len: usize) -> i32;
        "hostcall_dns_query_ip" dns_query_ip(
            ips: *mut *mut Slice, count: *mut usize,
            name: *const u8, len: usize, is_ipv6: i32) -> i32;
    }
}

/// Room in front of each allocation for its size, which `default_free_impl` is not told.
const HEADER: usize = 8;

#[no_mangle]
pub unsafe extern "C" fn default_malloc_impl(size: usize) -> *mut u8 {
    let total = size + HEADER;
    let start = alloc(Layout::from_size_align_unchecked(total, HEADER));
    if start.is_null() {
        return start;
    }
    *(start as *mut usize) = total;
    start.add(HEADER)
}

#[no_mangle]
pub unsafe extern "C" fn default_free_impl(ptr: *mut u8) {
    if ptr.is_null() {
        return;
    }
    let start = ptr.sub(HEADER);
    dealloc(
        start,
        Layout::from_size_align_unchecked(*(start as *mut usize), HEADER),
    );
}

/// Copies what the host wrote through the out-pointers, and gives its memory back.
unsafe fn take_bytes(ptr: *mut u8, len: usize) -> Vec<u8> {
    if ptr.is_null() {
        return Vec::new();
    }
    let bytes = std::slice::from_raw_parts(ptr, len).to_vec();
    default_free_impl(ptr);
    bytes
}

/// The visitor's request.
#[allow(dead_code)]
pub struct Request {
    pub method: String,
    /// Path and query, e.g. `/badge.wasm?label=build`.
    pub path: String,
    pub body: Vec<u8>,
}

impl Request {
    fn receive() -> Request {
        type Getter = unsafe extern "C" fn(*mut *mut u8, *mut usize, i32);
        let get = |getter: Getter| unsafe {
            let (mut ptr, mut len) = (std::ptr::null_mut(), 0);
            getter(&mut ptr, &mut len, 0);
            take_bytes(ptr, len)
        };
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Request {
            method: text(get(raw::req_get_method)),
            path: text(get(raw::req_get_path)),
            body: get(raw::req_get_body),
        }
    }

    /// The value of `name` in the query, unescaped.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.path.split_once('?')?;
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .into_iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| unescape(value))
    }
}

fn unescape(value: &str) -> String {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| (*byte as char).to_digit(16));
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = (
            bytes[at],
            digit(bytes.get(at + 1)),
            digit(bytes.get(at + 2)),
        );
        match pair {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', _, _) => out.push(b' '),
            (byte, _, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The answer to the visitor.
pub struct Response {
    pub code: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Response {
    fn send(self) {
        unsafe {
            raw::resp_set_response_code(0, self.code.into());
            for (name, value) in &self.headers {
                let values = [raw::Slice {
                    ptr: value.as_ptr(),
                    len: value.len(),
                }];
                raw::resp_set_header(0, name.as_ptr(), name.len(), values.as_ptr(), 1);
            }
            raw::resp_set_body(0, self.body.as_ptr(), self.body.len());
        }
    }
}

/// Runs `handler` for the request. Call it from the exported function `run`.
pub fn serve(handler: fn(Request) -> Response) {
    std::panic::set_hook(Box::new(|info| {
        let message = info.to_string();
        unsafe { raw::panic_hook(message.as_ptr(), message.len()) };
    }));
    handler(Request::receive()).send();
}
