// The Terrarium ABI for freestanding C: every hostcall, an allocator, and a few helpers.
// Include it in exactly one source file.

#ifndef TERRARIUM_H
#define TERRARIUM_H

#include <stddef.h>
#include <stdint.h>

#define HOSTCALL(name) \
  __attribute__((import_module("env"), import_name("hostcall_" #name))) extern
#define EXPORT(name) __attribute__((export_name(#name)))

typedef struct {
  const char *ptr;
  size_t len;
} slice_t;

typedef int32_t request_t;   // 0 is the visitor's request, -1 an error
typedef int32_t response_t;  // 0 is the answer to the visitor, -1 an error, -2 not ready
typedef int32_t pending_t;   // -1 is an error

enum { REQUEST_INCOMING = 0, RESPONSE_OUTGOING = 0, NOT_READY = -2 };
typedef enum { STATUS_OK = 0, STATUS_INVALID = 1 } status_t;

HOSTCALL(init_mm) void init_mm(int32_t malloc_index, int32_t free_index);
HOSTCALL(panic_hook) void panic_hook(const char *ptr, size_t len);
HOSTCALL(debug) void debug(const char *ptr, size_t len);

HOSTCALL(req_get_method) void req_get_method(const char **ptr, size_t *len, request_t);
HOSTCALL(req_get_path) void req_get_path(const char **ptr, size_t *len, request_t);
HOSTCALL(req_get_body) void req_get_body(const char **ptr, size_t *len, request_t);
HOSTCALL(req_get_headers) void req_get_headers(slice_t **names, size_t *count, request_t);
HOSTCALL(req_get_header)
void req_get_header(slice_t **values, size_t *count, request_t, const char *name, size_t len);

HOSTCALL(req_create)
request_t req_create(const char *method, size_t method_len, const char *url, size_t url_len);
HOSTCALL(req_set_header)
status_t req_set_header(request_t, const char *name, size_t len, const slice_t *, size_t count);
HOSTCALL(req_set_body) status_t req_set_body(request_t, const char *ptr, size_t len);
HOSTCALL(req_send) response_t req_send(request_t);
HOSTCALL(req_send_async) pending_t req_send_async(request_t);
HOSTCALL(pending_req_wait) response_t pending_req_wait(pending_t);
HOSTCALL(pending_req_poll) response_t pending_req_poll(pending_t);
HOSTCALL(pending_req_select)
response_t pending_req_select(const pending_t *, size_t count, pending_t *ended);

HOSTCALL(resp_get_response_code) int32_t resp_get_response_code(response_t);
HOSTCALL(resp_get_headers) void resp_get_headers(slice_t **names, size_t *count, response_t);
HOSTCALL(resp_get_header)
void resp_get_header(slice_t **values, size_t *count, response_t, const char *name, size_t len);
HOSTCALL(resp_get_body) void resp_get_body(const char **ptr, size_t *len, response_t);
HOSTCALL(resp_set_response_code) status_t resp_set_response_code(response_t, int32_t code);
HOSTCALL(resp_set_header)
status_t resp_set_header(response_t, const char *name, size_t len, const slice_t *, size_t count);
HOSTCALL(resp_set_body) status_t resp_set_body(response_t, const char *ptr, size_t len);

HOSTCALL(kvstore_insert)
int32_t kvstore_insert(const char *key, size_t key_len, const char *value, size_t value_len);
HOSTCALL(kvstore_upsert)
int32_t kvstore_upsert(const char *key, size_t key_len, const char *value, size_t value_len);
HOSTCALL(kvstore_append)
int32_t kvstore_append(const char *key, size_t key_len, const char *value, size_t value_len);
HOSTCALL(kvstore_get)
int32_t kvstore_get(const char **ptr, size_t *len, const char *key, size_t key_len);
HOSTCALL(kvstore_remove) int32_t kvstore_remove(const char *key, size_t key_len);

HOSTCALL(rng_next_u64) uint64_t rng_next_u64(void);
HOSTCALL(time_now) uint64_t time_now(uint32_t *nanoseconds);
HOSTCALL(dns_query_raw)
int32_t dns_query_raw(const char **ptr, size_t *len, const char *query, size_t query_len);
HOSTCALL(dns_query_ip)
int32_t dns_query_ip(slice_t **ips, size_t *count, const char *name, size_t len, int32_t is_ipv6);

// The host puts what it hands over into memory that it asks for here. Nothing is freed: every
// request begins with fresh memory, so what one request used is gone with it.
extern unsigned char __heap_base;
static uintptr_t heap_top;

EXPORT(default_malloc_impl) void *default_malloc_impl(size_t size) {
  if (heap_top == 0) heap_top = (uintptr_t)&__heap_base;
  uintptr_t ptr = (heap_top + 7) & ~(uintptr_t)7;
  uintptr_t memory_end = (uintptr_t)__builtin_wasm_memory_size(0) << 16;
  if (size > UINTPTR_MAX - 65535 - ptr) return NULL;
  if (ptr + size > memory_end) {
    size_t pages = (ptr + size - memory_end + 65535) >> 16;
    if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) return NULL;
  }
  heap_top = ptr + size;
  return (void *)ptr;
}

EXPORT(default_free_impl) void default_free_impl(void *ptr) { (void)ptr; }

// A growing text.
typedef struct {
  char *ptr;
  size_t len;
  size_t capacity;
} text_t;

static inline void text_add(text_t *text, const char *ptr, size_t len) {
  if (text->len + len > text->capacity) {
    text->capacity = 2 * (text->len + len);
    char *bigger = default_malloc_impl(text->capacity);
    if (bigger == NULL) __builtin_trap();
    __builtin_memcpy(bigger, text->ptr, text->len);
    text->ptr = bigger;
  }
  __builtin_memcpy(text->ptr + text->len, ptr, len);
  text->len += len;
}

// Adds a string literal.
#define text_add_literal(text, literal) text_add((text), (literal), sizeof(literal) - 1)

static inline void text_add_number(text_t *text, uint64_t number) {
  char digits[20];
  size_t at = sizeof digits;
  do digits[--at] = (char)('0' + number % 10);
  while (number /= 10);
  text_add(text, digits + at, sizeof digits - at);
}

// Sends status, content type (a string literal) and text.
#define respond(code, type, text)                                                              \
  do {                                                                                         \
    slice_t value_ = {(type), sizeof(type) - 1};                                               \
    resp_set_response_code(RESPONSE_OUTGOING, (code));                                         \
    resp_set_header(RESPONSE_OUTGOING, "content-type", sizeof "content-type" - 1, &value_, 1); \
    resp_set_body(RESPONSE_OUTGOING, (text)->ptr, (text)->len);                                \
  } while (0)

#endif
