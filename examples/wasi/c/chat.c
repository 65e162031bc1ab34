// Answers each message of a WebSocket with its number: a line in, a line out.

#include <stdio.h>

int main(void) {
  char line[4096];
  for (int count = 1; fgets(line, sizeof line, stdin); count++) {
    printf("%d: %s", count, line);
    fflush(stdout);
  }
}
