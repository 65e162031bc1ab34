#include <stdlib.h>
#include <string.h>
#include "hello.h"

static void say(wasi_http_types_own_output_stream_t stream, const char *text, size_t length) {
  for (size_t done = 0; done < length;) {
    size_t count = length - done < 4096 ? length - done : 4096;
    hello_list_u8_t piece = {(uint8_t *)text + done, count};
    wasi_io_streams_stream_error_t error;
    if (!wasi_io_streams_method_output_stream_blocking_write_and_flush(
            wasi_io_streams_borrow_output_stream(stream), &piece, &error)) abort();
    done += count;
  }
}

/* Says the path that was asked for, and then the body that came. */
void exports_wasi_http_incoming_handler_handle(
    exports_wasi_http_incoming_handler_own_incoming_request_t request,
    exports_wasi_http_incoming_handler_own_response_outparam_t out) {
  wasi_http_types_own_outgoing_response_t response =
      wasi_http_types_constructor_outgoing_response(wasi_http_types_constructor_fields());
  wasi_http_types_own_outgoing_body_t body;
  wasi_http_types_method_outgoing_response_body(
      wasi_http_types_borrow_outgoing_response(response), &body);
  wasi_http_types_result_own_outgoing_response_error_code_t answer = {.is_err = false};
  answer.val.ok = response;
  wasi_http_types_static_response_outparam_set(out, &answer);
  wasi_http_types_own_output_stream_t stream;
  wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(body), &stream);

  wasi_http_types_borrow_incoming_request_t asked = wasi_http_types_borrow_incoming_request(request);
  hello_string_t path;
  say(stream, "hello from ", 11);
  if (wasi_http_types_method_incoming_request_path_with_query(asked, &path))
    say(stream, (char *)path.ptr, path.len);
  say(stream, "\n", 1);

  wasi_http_types_own_incoming_body_t came;
  wasi_http_types_own_input_stream_t in;
  if (wasi_http_types_method_incoming_request_consume(asked, &came) &&
      wasi_http_types_method_incoming_body_stream(wasi_http_types_borrow_incoming_body(came), &in)) {
    hello_list_u8_t piece;
    wasi_io_streams_stream_error_t error;
    while (wasi_io_streams_method_input_stream_blocking_read(
        wasi_io_streams_borrow_input_stream(in), 4096, &piece, &error)) {
      say(stream, (char *)piece.ptr, piece.len);
      hello_list_u8_free(&piece);
    }
    wasi_io_streams_input_stream_drop_own(in);
    wasi_http_types_incoming_body_drop_own(came);
  }
  wasi_io_streams_output_stream_drop_own(stream);
  wasi_http_types_error_code_t error;
  wasi_http_types_static_outgoing_body_finish(body, NULL, &error);
}
