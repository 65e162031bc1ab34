// Greets whom the query names, with the C library that Zig brings.

extern fn getenv(name: [*:0]const u8) ?[*:0]const u8;
extern fn printf(format: [*:0]const u8, ...) c_int;

// What C calls `int main(void)` on this target.
export fn __main_void() c_int {
    const query = getenv("QUERY_STRING") orelse "";
    _ = printf("Content-Type: text/plain\n\nHello from Zig, %s!\n", query);
    return 0;
}
