// Counts visits in the key-value store, which outlives requests.
//
// Each visit appends one mark, and the length is the count: an append is one step, so visits at
// the same time are all counted. Reading a number and writing it back plus one would lose some.

#include "terrarium.h"

static const char key[] = "visits";

EXPORT(run) void run(void) {
  const char *marks;
  size_t count;
  kvstore_append(key, sizeof key - 1, "|", 1);
  kvstore_get(&marks, &count, key, sizeof key - 1);

  text_t text = {0};
  text_add_literal(&text, "{\"visits\":");
  text_add_number(&text, count);
  text_add_literal(&text, "}\n");
  respond(200, "application/json", &text);
}
