#include <algorithm>
#include <cstdlib>
#include <string>
#include "hello.h"

namespace {

void say(wasi_http_types_own_output_stream_t stream, std::string text) {
  for (size_t done = 0; done < text.size(); done += 4096) {
    hello_list_u8_t piece{reinterpret_cast<uint8_t*>(text.data()) + done,
                          std::min<size_t>(4096, text.size() - done)};
    wasi_io_streams_stream_error_t error;
    if (!wasi_io_streams_method_output_stream_blocking_write_and_flush(
            wasi_io_streams_borrow_output_stream(stream), &piece, &error)) std::abort();
  }
}

}  // namespace

// Says the path that was asked for, and then the body that came.
void exports_wasi_http_incoming_handler_handle(
    exports_wasi_http_incoming_handler_own_incoming_request_t request,
    exports_wasi_http_incoming_handler_own_response_outparam_t out) {
  auto response = wasi_http_types_constructor_outgoing_response(wasi_http_types_constructor_fields());
  wasi_http_types_own_outgoing_body_t body;
  wasi_http_types_method_outgoing_response_body(
      wasi_http_types_borrow_outgoing_response(response), &body);
  wasi_http_types_result_own_outgoing_response_error_code_t answer{};
  answer.val.ok = response;
  wasi_http_types_static_response_outparam_set(out, &answer);
  wasi_http_types_own_output_stream_t stream;
  wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(body), &stream);

  auto asked = wasi_http_types_borrow_incoming_request(request);
  hello_string_t path{};
  wasi_http_types_method_incoming_request_path_with_query(asked, &path);
  say(stream, "hello from " + std::string(reinterpret_cast<char*>(path.ptr), path.len) + "\n");

  wasi_http_types_own_incoming_body_t came;
  wasi_http_types_own_input_stream_t in;
  if (wasi_http_types_method_incoming_request_consume(asked, &came) &&
      wasi_http_types_method_incoming_body_stream(wasi_http_types_borrow_incoming_body(came), &in)) {
    hello_list_u8_t piece;
    wasi_io_streams_stream_error_t error;
    while (wasi_io_streams_method_input_stream_blocking_read(
        wasi_io_streams_borrow_input_stream(in), 4096, &piece, &error)) {
      say(stream, std::string(reinterpret_cast<char*>(piece.ptr), piece.len));
      hello_list_u8_free(&piece);
    }
    wasi_io_streams_input_stream_drop_own(in);
    wasi_http_types_incoming_body_drop_own(came);
  }
  wasi_io_streams_output_stream_drop_own(stream);
  wasi_http_types_error_code_t error;
  wasi_http_types_static_outgoing_body_finish(body, nullptr, &error);
}
