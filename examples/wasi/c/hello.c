// Greets whom the query names: a CGI program of the standard library alone.

#include <stdio.h>
#include <stdlib.h>

int main(void) {
  const char *query = getenv("QUERY_STRING");
  printf("Content-Type: text/plain\n\n");
  printf("Hello from C, %s!\n", query && *query ? query : "world");
}
