//! The Terrarium ABI for Zig: every hostcall as it is, an allocator, and a few wrappers.

const std = @import("std");

/// The allocator for the function's own data too.
pub const allocator = std.heap.wasm_allocator;

/// What the host writes through the out-pointers: nothing is the null pointer and length 0.
pub const Slice = extern struct {
    ptr: ?[*]const u8 = null,
    len: usize = 0,

    pub fn of(text: []const u8) Slice {
        return .{ .ptr = text.ptr, .len = text.len };
    }

    pub fn bytes(slice: Slice) []const u8 {
        const ptr = slice.ptr orelse return "";
        return ptr[0..slice.len];
    }
};

pub const request_incoming: i32 = 0;
pub const response_outgoing: i32 = 0;
pub const failed: i32 = -1;
pub const not_ready: i32 = -2;

/// The hostcalls, named as in the ABI. `p` is a pointer, `n` a length, `out_` an out-pointer.
pub const raw = struct {
    const Bytes = *?[*]const u8;
    const Slices = *?[*]const Slice;
    const In = [*]const u8;

    pub extern "env" fn hostcall_init_mm(malloc_index: u32, free_index: u32) void;
    pub extern "env" fn hostcall_panic_hook(p: In, n: usize) void;
    pub extern "env" fn hostcall_debug(p: In, n: usize) void;

    pub extern "env" fn hostcall_req_get_method(out_p: Bytes, out_n: *usize, req: i32) void;
    pub extern "env" fn hostcall_req_get_path(out_p: Bytes, out_n: *usize, req: i32) void;
    pub extern "env" fn hostcall_req_get_body(out_p: Bytes, out_n: *usize, req: i32) void;
    pub extern "env" fn hostcall_req_get_headers(out_p: Slices, out_n: *usize, req: i32) void;
    pub extern "env" fn hostcall_req_get_header(
        out_p: Slices,
        out_n: *usize,
        req: i32,
        p: In,
        n: usize,
    ) void;

    pub extern "env" fn hostcall_req_create(method: In, method_n: usize, url: In, url_n: usize) i32;
    pub extern "env" fn hostcall_req_set_header(
        req: i32,
        p: In,
        n: usize,
        values: [*]const Slice,
        count: usize,
    ) i32;
    pub extern "env" fn hostcall_req_set_body(req: i32, p: In, n: usize) i32;
    pub extern "env" fn hostcall_req_send(req: i32) i32;
    pub extern "env" fn hostcall_req_send_async(req: i32) i32;
    pub extern "env" fn hostcall_pending_req_wait(pending: i32) i32;
    pub extern "env" fn hostcall_pending_req_poll(pending: i32) i32;
    pub extern "env" fn hostcall_pending_req_select(
        pending: [*]const i32,
        count: usize,
        out_ended: *i32,
    ) i32;

    pub extern "env" fn hostcall_resp_get_response_code(resp: i32) i32;
    pub extern "env" fn hostcall_resp_get_headers(out_p: Slices, out_n: *usize, resp: i32) void;
    pub extern "env" fn hostcall_resp_get_header(
        out_p: Slices,
        out_n: *usize,
        resp: i32,
        p: In,
        n: usize,
    ) void;
    pub extern "env" fn hostcall_resp_get_body(out_p: Bytes, out_n: *usize, resp: i32) void;
    pub extern "env" fn hostcall_resp_set_response_code(resp: i32, code: i32) i32;
    pub extern "env" fn hostcall_resp_set_header(
        resp: i32,
        p: In,
        n: usize,
        values: [*]const Slice,
        count: usize,
    ) i32;
    pub extern "env" fn hostcall_resp_set_body(resp: i32, p: In, n: usize) i32;

    pub extern "env" fn hostcall_kvstore_insert(key: In, key_n: usize, p: In, n: usize) i32;
    pub extern "env" fn hostcall_kvstore_upsert(key: In, key_n: usize, p: In, n: usize) i32;
    pub extern "env" fn hostcall_kvstore_append(key: In, key_n: usize, p: In, n: usize) i32;
    pub extern "env" fn hostcall_kvstore_get(
        out_p: Bytes,
        out_n: *usize,
        key: In,
        key_n: usize,
    ) i32;
    pub extern "env" fn hostcall_kvstore_remove(key: In, key_n: usize) i32;

    pub extern "env" fn hostcall_rng_next_u64() u64;
    pub extern "env" fn hostcall_time_now(out_nanoseconds: ?*u32) u64;
    pub extern "env" fn hostcall_dns_query_raw(out_p: Bytes, out_n: *usize, p: In, n: usize) i32;
    pub extern "env" fn hostcall_dns_query_ip(
        out_p: Slices,
        out_n: *usize,
        p: In,
        n: usize,
        is_ipv6: i32,
    ) i32;
};

/// Path and query of the visitor's request, e.g. "/mandelbrot.wasm?zoom=4".
pub fn requestPath() []const u8 {
    var slice: Slice = .{};
    raw.hostcall_req_get_path(&slice.ptr, &slice.len, request_incoming);
    return slice.bytes();
}

/// The value of `name` in the query as it stands there, escapes included.
pub fn queryValue(path: []const u8, name: []const u8) ?[]const u8 {
    const question = std.mem.indexOfScalar(u8, path, '?') orelse return null;
    var pairs = std.mem.splitScalar(u8, path[question + 1 ..], '&');
    while (pairs.next()) |pair| {
        const equals = std.mem.indexOfScalar(u8, pair, '=') orelse continue;
        if (std.mem.eql(u8, pair[0..equals], name)) return pair[equals + 1 ..];
    }
    return null;
}

pub fn respond(code: i32, content_type: []const u8, body: []const u8) void {
    const name = "content-type";
    const values = [_]Slice{Slice.of(content_type)};
    _ = raw.hostcall_resp_set_response_code(response_outgoing, code);
    _ = raw.hostcall_resp_set_header(response_outgoing, name, name.len, &values, values.len);
    _ = raw.hostcall_resp_set_body(response_outgoing, body.ptr, body.len);
}

// The host asks here for the memory of what it hands over. One word in front holds the size.
export fn default_malloc_impl(size: usize) ?*anyopaque {
    const words = allocator.alloc(u64, 1 + (size + 7) / 8) catch return null;
    words[0] = words.len;
    return &words[1];
}

export fn default_free_impl(ptr: ?*anyopaque) void {
    const first: [*]u64 = @ptrCast(@alignCast(ptr orelse return));
    const words = first - 1;
    allocator.free(words[0..@intCast(words[0])]);
}
