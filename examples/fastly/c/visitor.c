// Answers with what is known of the visitor's connection. No kit, no C library: the functions of
// Fastly Compute are declared here, and each answers a status, 0 where it is well.

typedef unsigned int u32;

#define FROM(module, name) __attribute__((import_module(module), import_name(name)))

FROM("fastly_http_req", "body_downstream_get") u32 body_downstream_get(u32 *request, u32 *body);
FROM("fastly_http_req", "version_get") u32 version_get(u32 request, u32 *version);
FROM("fastly_http_downstream", "downstream_client_ip_addr")
u32 client_address(u32 request, unsigned char *octets, u32 *count);
FROM("fastly_http_downstream", "downstream_tls_protocol")
u32 tls_protocol(u32 request, char *room, u32 len, u32 *written);
FROM("fastly_http_downstream", "downstream_tls_ja4")
u32 tls_ja4(u32 request, char *room, u32 len, u32 *written);
FROM("fastly_http_downstream", "downstream_client_h2_fingerprint")
u32 h2_fingerprint(u32 request, char *room, u32 len, u32 *written);
FROM("fastly_http_downstream", "downstream_original_header_names")
u32 header_names(u32 request, char *room, u32 len, u32 cursor, long long *next, u32 *written);
FROM("fastly_http_resp", "new") u32 response_new(u32 *response);
FROM("fastly_http_resp", "header_insert")
u32 header_insert(u32 response, const char *name, u32 name_len, const char *value, u32 value_len);
FROM("fastly_http_resp", "send_downstream") u32 send(u32 response, u32 body, u32 streaming);
FROM("fastly_http_body", "new") u32 body_new(u32 *body);
FROM("fastly_http_body", "write")
u32 body_write(u32 body, const char *bytes, u32 len, u32 end, u32 *written);

static u32 answer;
static char room[16384];

static void write(const char *bytes, u32 len) {
  u32 written;
  body_write(answer, bytes, len, 0, &written);
}

#define WRITE(literal) write(literal, sizeof literal - 1)

static void write_number(u32 number) {
  char digits[10];
  u32 at = sizeof digits;
  do {
    digits[--at] = '0' + number % 10;
    number /= 10;
  } while (number > 0);
  write(digits + at, sizeof digits - at);
}

static void write_address(u32 request) {
  unsigned char octets[16];
  u32 count = 0;
  if (client_address(request, octets, &count) != 0) return;
  for (u32 at = 0; at < count; at += 1) {
    static const char hex[] = "0123456789abcdef";
    if (count == 4) {
      if (at > 0) WRITE(".");
      write_number(octets[at]);
    } else {
      if (at > 0 && at % 2 == 0) WRITE(":");
      const char pair[] = {hex[octets[at] >> 4], hex[octets[at] & 15]};
      write(pair, 2);
    }
  }
}

typedef u32 fact(u32 request, char *room, u32 len, u32 *written);

static void write_fact(u32 request, fact *ask) {
  u32 written = 0;
  if (ask(request, room, sizeof room, &written) == 0 && written > 0) write(room, written);
  else WRITE("not known");
}

static void write_headers(u32 request) {
  u32 written = 0;
  long long next;
  if (header_names(request, room, sizeof room, 0, &next, &written) != 0) return;
  for (u32 at = 0; at < written; at += 1) if (room[at] == 0) room[at] = ' ';
  write(room, written);
}

__attribute__((export_name("_start"))) void start(void) {
  static const char *const versions[] = {"0.9", "1.0", "1.1", "2", "3"};
  static const char type[] = "text/plain; charset=utf-8";
  u32 request, body, response, version = 0;
  body_downstream_get(&request, &body);
  response_new(&response);
  body_new(&answer);
  header_insert(response, "content-type", 12, type, sizeof type - 1);
  WRITE("address  ");
  write_address(request);
  WRITE("\nHTTP     ");
  if (version_get(request, &version) == 0) write(versions[version], version < 3 ? 3 : 1);
  WRITE("\nTLS      ");
  write_fact(request, tls_protocol);
  WRITE("\nJA4      ");
  write_fact(request, tls_ja4);
  WRITE("\nHTTP/2   ");
  write_fact(request, h2_fingerprint);
  WRITE("\nheaders  ");
  write_headers(request);
  WRITE("\n");
  send(response, answer, 0);
}
