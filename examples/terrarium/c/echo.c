// Answers the request as the host hands it over: method, path, headers and body.

#include "terrarium.h"

static void add_headers(text_t *text) {
  slice_t *names;
  size_t name_count;
  req_get_headers(&names, &name_count, REQUEST_INCOMING);
  for (size_t i = 0; i < name_count; i++) {
    slice_t *values;
    size_t value_count;
    req_get_header(&values, &value_count, REQUEST_INCOMING, names[i].ptr, names[i].len);
    for (size_t j = 0; j < value_count; j++) {
      text_add(text, names[i].ptr, names[i].len);
      text_add_literal(text, ": ");
      text_add(text, values[j].ptr, values[j].len);
      text_add_literal(text, "\n");
    }
  }
}

EXPORT(run) void run(void) {
  text_t text = {0};
  const char *ptr;
  size_t len;

  req_get_method(&ptr, &len, REQUEST_INCOMING);
  text_add(&text, ptr, len);
  text_add_literal(&text, " ");
  req_get_path(&ptr, &len, REQUEST_INCOMING);
  text_add(&text, ptr, len);
  text_add_literal(&text, "\n");
  add_headers(&text);

  req_get_body(&ptr, &len, REQUEST_INCOMING);
  text_add_literal(&text, "\n");
  text_add(&text, ptr, len);
  respond(200, "text/plain;charset=utf-8", &text);
}
