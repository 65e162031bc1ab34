/* Kernels for the meter's benchmark: each export takes a size and answers a number to compare.
 * Build: clang-14 --target=wasm32 -O2 -fno-builtin -nostdlib -Wl,--no-entry -Wl,-z,stack-size=65536
 *        -Wl,--initial-memory=16777216 -o kernels.wasm kernels.c */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
#define EXPORT(name) __attribute__((export_name(#name)))
#define ROTATE(x, n) ((x) >> (n) | (x) << (32 - (n)))

static u8 arena[8 * 1024 * 1024];
static u32 seed;

static u32 next_random(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

/* fib: nothing but calls. */
__attribute__((noinline)) static u32 fib_of(u32 n) { return n < 2 ? n : fib_of(n - 1) + fib_of(n - 2); }
EXPORT(fib) u32 fib(u32 n) { return fib_of(n); }

/* sieve: the smallest loops there are. */
EXPORT(sieve) u32 sieve(u32 n) {
  u32 count = 0;
  for (u32 i = 0; i < n; i++) arena[i] = 1;
  for (u32 i = 2; i < n; i++) {
    if (!arena[i]) continue;
    count++;
    for (u32 k = i + i; k < n; k += i) arena[k] = 0;
  }
  return count;
}

/* sort: quicksort with a comparison through a pointer, insertion sort below 12. */
typedef int (*compare_fn)(u32, u32);
static int ascending(u32 a, u32 b) { return a < b ? -1 : a > b; }
static compare_fn volatile compare_used = ascending;

static void sort_range(u32 *v, int low, int high, compare_fn compare) {
  while (high - low > 12) {
    u32 pivot = v[(low + high) / 2];
    int i = low, j = high;
    while (i <= j) {
      while (compare(v[i], pivot) < 0) i++;
      while (compare(v[j], pivot) > 0) j--;
      if (i <= j) {
        u32 t = v[i];
        v[i++] = v[j];
        v[j--] = t;
      }
    }
    if (j - low < high - i) {
      sort_range(v, low, j, compare);
      low = i;
    } else {
      sort_range(v, i, high, compare);
      high = j;
    }
  }
  for (int i = low + 1; i <= high; i++) {
    u32 x = v[i];
    int j = i - 1;
    for (; j >= low && compare(v[j], x) > 0; j--) v[j + 1] = v[j];
    v[j + 1] = x;
  }
}

EXPORT(sort) u32 sort(u32 n) {
  u32 *v = (u32 *)arena;
  seed = 1;
  for (u32 i = 0; i < n; i++) v[i] = next_random();
  sort_range(v, 0, (int)n - 1, compare_used);
  return v[0] ^ v[n / 2] ^ v[n - 1];
}

/* sha256 over n bytes. */
static const u32 round_keys[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static void sha_block(u32 *h, const u8 *p) {
  u32 w[64];
  for (int i = 0; i < 16; i++) {
    w[i] = (u32)p[4 * i] << 24 | (u32)p[4 * i + 1] << 16 | (u32)p[4 * i + 2] << 8 | p[4 * i + 3];
  }
  for (int i = 16; i < 64; i++) {
    u32 s0 = ROTATE(w[i - 15], 7) ^ ROTATE(w[i - 15], 18) ^ w[i - 15] >> 3;
    u32 s1 = ROTATE(w[i - 2], 17) ^ ROTATE(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  u32 a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
  for (int i = 0; i < 64; i++) {
    u32 t1 = k + (ROTATE(e, 6) ^ ROTATE(e, 11) ^ ROTATE(e, 25)) + ((e & f) ^ (~e & g)) +
             round_keys[i] + w[i];
    u32 t2 = (ROTATE(a, 2) ^ ROTATE(a, 13) ^ ROTATE(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    k = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += k;
}

EXPORT(sha256) u32 sha256(u32 n) {
  u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (u32 i = 0; i < n; i++) arena[i] = (u8)(i * 31 + 7);
  for (u32 i = 0; i + 64 <= n; i += 64) sha_block(h, arena + i);
  return h[0];
}

EXPORT(mandelbrot) u32 mandelbrot(u32 n) {
  u32 total = 0;
  for (u32 y = 0; y < n; y++) {
    for (u32 x = 0; x < n; x++) {
      double cr = 3.0 * x / n - 2.25, ci = 3.0 * y / n - 1.5, zr = 0, zi = 0;
      u32 i = 0;
      while (i < 256 && zr * zr + zi * zi < 4) {
        double t = zr * zr - zi * zi + cr;
        zi = 2 * zr * zi + ci;
        zr = t;
        i++;
      }
      total += i;
    }
  }
  return total;
}

/* hashmap: open addressing, counting random keys. */
#define SLOTS (1u << 16)
struct slot {
  u32 key, count;
};

EXPORT(hashmap) u32 hashmap(u32 n) {
  struct slot *slots = (struct slot *)arena;
  for (u32 i = 0; i < SLOTS; i++) slots[i].key = slots[i].count = 0;
  seed = 7;
  for (u32 i = 0; i < n; i++) {
    u32 key = (next_random() & 0x7fff) + 1;
    u32 at = (key * 2654435761u) >> 16;
    while (slots[at].key && slots[at].key != key) at = (at + 1) & (SLOTS - 1);
    slots[at].key = key;
    slots[at].count++;
  }
  u32 total = 0;
  for (u32 i = 0; i < SLOTS; i++) total = total * 31 + slots[i].count;
  return total;
}

static u32 place_queens(u32 all, u32 columns, u32 left, u32 right) {
  if (columns == all) return 1;
  u32 count = 0;
  for (u32 open = all & ~(columns | left | right); open;) {
    u32 bit = open & -open;
    open ^= bit;
    count += place_queens(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
  }
  return count;
}
EXPORT(queens) u32 queens(u32 n) { return place_queens((1u << n) - 1, 0, 0, 0); }

/* json: a recursive parser that sums the numbers of a generated text. */
static const u8 *at;
static u32 parse_value(void);
static void skip_space(void) {
  while (*at == ' ' || *at == '\n') at++;
}
static u32 parse_string(void) {
  u32 hash = 0;
  for (at++; *at != '"'; at++) {
    if (*at == '\\') at++;
    hash = hash * 33 + *at;
  }
  at++;
  return hash;
}
static u32 parse_list(u8 close) {
  u32 sum = 0;
  at++;
  for (skip_space(); *at != close; skip_space()) {
    if (close == '}') {
      sum += parse_string();
      skip_space();
      at++;
    }
    sum += parse_value();
    skip_space();
    if (*at == ',') at++;
  }
  at++;
  return sum;
}
static u32 parse_value(void) {
  skip_space();
  switch (*at) {
    case '{':
      return parse_list('}');
    case '[':
      return parse_list(']');
    case '"':
      return parse_string();
    case 't':
      at += 4;
      return 1;
    default: {
      u32 number = 0;
      while (*at >= '0' && *at <= '9') number = number * 10 + (*at++ - '0');
      return number;
    }
  }
}
EXPORT(json) u32 json(u32 n) {
  static const char record[] =
      "{\"id\": 12345, \"name\": \"a \\\"quoted\\\" name of some length\", \"tags\": [1, 22, 333, "
      "true], \"nested\": {\"x\": 10, \"y\": 20}}";
  u8 *out = arena;
  *out++ = '[';
  for (u32 i = 0; i < n; i++) {
    if (i) *out++ = ',';
    for (const char *p = record; *p; p++) *out++ = (u8)*p;
  }
  *out++ = ']';
  *out = 0;
  at = arena;
  return parse_value();
}

/* interpreter: a stack machine that runs a loop of its own. */
enum { PUSH, LOAD, STORE, ADD, SUB, MUL, LESS, JUMP_IF, HALT };
EXPORT(interpreter) u32 interpreter(u32 n) {
  u32 code[] = {PUSH, 0, STORE, 0, PUSH, 0,    STORE, 1, LOAD, 1,    LOAD, 0,    LOAD, 0,    MUL, ADD,
                STORE, 1, LOAD, 0, PUSH, 1,    ADD,   STORE, 0, LOAD, 0, PUSH, n, LESS, JUMP_IF, 8, HALT};
  u32 stack[32], vars[4], sp = 0, pc = 0;
  for (;;) {
    switch (code[pc++]) {
      case PUSH:
        stack[sp++] = code[pc++];
        break;
      case LOAD:
        stack[sp++] = vars[code[pc++]];
        break;
      case STORE:
        vars[code[pc++]] = stack[--sp];
        break;
      case ADD:
        sp--;
        stack[sp - 1] += stack[sp];
        break;
      case SUB:
        sp--;
        stack[sp - 1] -= stack[sp];
        break;
      case MUL:
        sp--;
        stack[sp - 1] *= stack[sp];
        break;
      case LESS:
        sp--;
        stack[sp - 1] = stack[sp - 1] < stack[sp];
        break;
      case JUMP_IF:
        pc = stack[--sp] ? code[pc] : pc + 1;
        break;
      default:
        return vars[1];
    }
  }
}

EXPORT(matrix) u32 matrix(u32 n) {
  double *a = (double *)arena, *b = a + n * n, *c = b + n * n;
  for (u32 i = 0; i < n * n; i++) a[i] = i % 7, b[i] = i % 5;
  for (u32 i = 0; i < n; i++) {
    for (u32 j = 0; j < n; j++) {
      double sum = 0;
      for (u32 k = 0; k < n; k++) sum += a[i * n + k] * b[k * n + j];
      c[i * n + j] = sum;
    }
  }
  return (u32)c[n * n / 2];
}

EXPORT(sum) u32 sum(u32 n) {
  u32 *v = (u32 *)arena, total = 0;
  for (u32 round = 0; round < 64; round++)
    for (u32 i = 0; i < n; i++) total += v[i] ^ round;
  return total;
}

EXPORT(copy) u32 copy(u32 n) {
  volatile u8 *source = arena, *target = arena + n;
  for (u32 i = 0; i < n; i++) target[i] = source[i];
  return target[n - 1];
}
