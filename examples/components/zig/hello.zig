// What of the generated hello.h is used here; a struct of one handle is passed as the handle.
const List = extern struct { ptr: [*]u8, len: usize };
const StreamError = extern struct { tag: u8, handle: i32 };
/// Larger than any error code of wasi:http.
const ErrorCode = extern struct { words: [16]u64 };
const Answer = extern struct { is_err: bool, ok: i32 align(8), rest: [16]u64 };

extern fn wasi_http_types_constructor_fields() i32;
extern fn wasi_http_types_constructor_outgoing_response(headers: i32) i32;
extern fn wasi_http_types_borrow_outgoing_response(response: i32) i32;
extern fn wasi_http_types_method_outgoing_response_body(response: i32, body: *i32) bool;
extern fn wasi_http_types_static_response_outparam_set(out: i32, answer: *Answer) void;
extern fn wasi_http_types_borrow_outgoing_body(body: i32) i32;
extern fn wasi_http_types_method_outgoing_body_write(body: i32, stream: *i32) bool;
extern fn wasi_http_types_static_outgoing_body_finish(body: i32, trailers: ?*i32, err: *ErrorCode) bool;
extern fn wasi_http_types_borrow_incoming_request(request: i32) i32;
extern fn wasi_http_types_method_incoming_request_path_with_query(request: i32, path: *List) bool;
extern fn wasi_http_types_method_incoming_request_consume(request: i32, body: *i32) bool;
extern fn wasi_http_types_borrow_incoming_body(body: i32) i32;
extern fn wasi_http_types_method_incoming_body_stream(body: i32, stream: *i32) bool;
extern fn wasi_http_types_incoming_body_drop_own(body: i32) void;
extern fn wasi_io_streams_borrow_input_stream(stream: i32) i32;
extern fn wasi_io_streams_borrow_output_stream(stream: i32) i32;
extern fn wasi_io_streams_method_input_stream_blocking_read(stream: i32, len: u64, piece: *List, err: *StreamError) bool;
extern fn wasi_io_streams_method_output_stream_blocking_write_and_flush(stream: i32, piece: *List, err: *StreamError) bool;
extern fn wasi_io_streams_input_stream_drop_own(stream: i32) void;
extern fn wasi_io_streams_output_stream_drop_own(stream: i32) void;
extern fn hello_list_u8_free(piece: *List) void;

fn say(stream: i32, text: []const u8) void {
    var done: usize = 0;
    while (done < text.len) : (done += 4096) {
        var piece = List{ .ptr = @constCast(text.ptr) + done, .len = @min(4096, text.len - done) };
        var err: StreamError = undefined;
        if (!wasi_io_streams_method_output_stream_blocking_write_and_flush(wasi_io_streams_borrow_output_stream(stream), &piece, &err)) unreachable;
    }
}

// Says the path that was asked for, and then the body that came.
export fn exports_wasi_http_incoming_handler_handle(request: i32, out: i32) void {
    const response = wasi_http_types_constructor_outgoing_response(wasi_http_types_constructor_fields());
    var body: i32 = undefined;
    _ = wasi_http_types_method_outgoing_response_body(wasi_http_types_borrow_outgoing_response(response), &body);
    var answer = Answer{ .is_err = false, .ok = response, .rest = undefined };
    wasi_http_types_static_response_outparam_set(out, &answer);
    var stream: i32 = undefined;
    _ = wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(body), &stream);

    const asked = wasi_http_types_borrow_incoming_request(request);
    var path: List = undefined;
    say(stream, "hello from ");
    if (wasi_http_types_method_incoming_request_path_with_query(asked, &path)) say(stream, path.ptr[0..path.len]);
    say(stream, "\n");

    var came: i32 = undefined;
    var in: i32 = undefined;
    if (wasi_http_types_method_incoming_request_consume(asked, &came) and
        wasi_http_types_method_incoming_body_stream(wasi_http_types_borrow_incoming_body(came), &in))
    {
        var piece: List = undefined;
        var err: StreamError = undefined;
        while (wasi_io_streams_method_input_stream_blocking_read(wasi_io_streams_borrow_input_stream(in), 4096, &piece, &err)) {
            say(stream, piece.ptr[0..piece.len]);
            hello_list_u8_free(&piece);
        }
        wasi_io_streams_input_stream_drop_own(in);
        wasi_http_types_incoming_body_drop_own(came);
    }
    wasi_io_streams_output_stream_drop_own(stream);
    var err: ErrorCode = undefined;
    _ = wasi_http_types_static_outgoing_body_finish(body, null, &err);
}
