/* A guest that fails three calls deep, for the lines that traps are told with. Built twice:
 *   clang --target=wasm32 -O0 -g -gdwarf-4 -nostdlib -Wl,--no-entry -Wl,--export=run \
 *     -fdebug-compilation-dir=. -o trap-4.wasm trap.c
 * and -gdwarf-5 -o trap-5.wasm. The import is there so that its kind is recognised. */
__attribute__((import_module("env"), import_name("hostcall_resp_set_response_code")))
int set_code(int response, int code);

static int divide(int a, int b) {
  if (b == 0)
    __builtin_trap();
  return a / b;
}

static int through(int b) {
  set_code(0, 200);
  return divide(1, b);
}

void run(void) {
  through(0);
}
