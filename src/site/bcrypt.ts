/**
 * bcrypt (Provos and Mazières, "A Future-Adaptable Password Scheme", 1999): checks a password
 * against a hash of the forms $2a$, $2b$ and $2y$, which are the same for passwords of any program
 * that is not broken. Pure. Its tables are the fraction of pi, so they are computed, not listed.
 */
import { timingSafeEqual } from 'node:crypto';

const ROUNDS = 16;
const SUBKEYS = ROUNDS + 2;
const BOX_WORDS = 256;
const BOXES_WORDS = 4 * BOX_WORDS;
/** What is longer does not matter to the hash; the NUL at the end of the password counts. */
const KEY_BYTES_MAX = 72;
const SALT_BYTES = 16;
const DIGEST_BYTES = 23;
const MAGIC = 'OrpheanBeholderScryDoubt';
const MAGIC_ENCRYPTIONS = 64;
const ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const FORM = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/;

/** The exponent of a hash's rounds; undefined when it is no bcrypt hash. */
export function bcryptCost(hash: string): number | undefined {
  const cost = FORM.exec(hash)?.[1];
  return cost === undefined ? undefined : Number(cost);
}

/** A checker with its tables at hand; making one takes some milliseconds. */
export class Bcrypt {
  readonly #tables = fractionOfPi(SUBKEYS + BOXES_WORDS);

  /** Whether `password` is that of `hash`. False for what is no hash. Takes 2^cost rounds. */
  verify(password: string, hash: string): boolean {
    const [, cost, salt, digest] = FORM.exec(hash) ?? [];
    if (cost === undefined || salt === undefined || digest === undefined) return false;
    const expected = decode(digest, DIGEST_BYTES);
    const actual = this.#digest(password, decode(salt, SALT_BYTES), Number(cost));
    return timingSafeEqual(actual, expected);
  }

  #digest(password: string, salt: Uint8Array, cost: number): Uint8Array {
    const key = Buffer.from(`${password}\0`, 'utf8').subarray(0, KEY_BYTES_MAX);
    const cipher = new Blowfish(this.#tables);
    const keyWords = cycleWords(key, SUBKEYS);
    const saltWords = cycleWords(salt, SUBKEYS);
    cipher.expand(keyWords, saltWords.subarray(0, 4));
    const noSalt = new Int32Array(4);
    for (let left = 2 ** cost; left > 0; left -= 1) {
      cipher.expand(keyWords, noSalt);
      cipher.expand(saltWords, noSalt);
    }
    const text = cycleWords(Buffer.from(MAGIC, 'latin1'), MAGIC.length / 4);
    for (let at = 0; at < text.length; at += 2) {
      for (let left = MAGIC_ENCRYPTIONS; left > 0; left -= 1) cipher.encrypt(text, at);
    }
    const bytes = Buffer.alloc(text.length * 4);
    for (const [index, word] of text.entries()) bytes.writeInt32BE(word, index * 4);
    return bytes.subarray(0, DIGEST_BYTES);
  }
}

class Blowfish {
  readonly #keys: Int32Array;
  readonly #boxes: Int32Array;

  constructor(tables: Int32Array) {
    this.#keys = tables.slice(0, SUBKEYS);
    this.#boxes = tables.slice(SUBKEYS);
  }

  /** The key schedule, mixed with a salt of four words. */
  expand(key: Int32Array, salt: Int32Array): void {
    const keys = this.#keys;
    for (let index = 0; index < SUBKEYS; index += 1) {
      keys[index] = (keys[index] ?? 0) ^ (key[index] ?? 0);
    }
    const block = new Int32Array(2);
    let saltAt = 0;
    for (const table of [keys, this.#boxes]) {
      for (let index = 0; index < table.length; index += 2) {
        block[0] = (block[0] ?? 0) ^ (salt[saltAt] ?? 0);
        block[1] = (block[1] ?? 0) ^ (salt[saltAt + 1] ?? 0);
        saltAt = (saltAt + 2) & 3;
        this.encrypt(block, 0);
        table[index] = block[0] ?? 0;
        table[index + 1] = block[1] ?? 0;
      }
    }
  }

  /** Encrypts the two words at `at` in place. */
  encrypt(words: Int32Array, at: number): void {
    const keys = this.#keys;
    const boxes = this.#boxes;
    let left = (words[at] ?? 0) ^ (keys[0] ?? 0);
    let right = words[at + 1] ?? 0;
    for (let round = 1; round <= ROUNDS; round += 1) {
      const sum = ((boxes[left >>> 24] ?? 0) + (boxes[BOX_WORDS + ((left >>> 16) & 255)] ?? 0)) | 0;
      const mixed = (sum ^ (boxes[2 * BOX_WORDS + ((left >>> 8) & 255)] ?? 0)) | 0;
      const next =
        right ^ (keys[round] ?? 0) ^ ((mixed + (boxes[3 * BOX_WORDS + (left & 255)] ?? 0)) | 0);
      right = left;
      left = next;
    }
    words[at] = right ^ (keys[ROUNDS + 1] ?? 0);
    words[at + 1] = left;
  }
}

/** `bytes` again and again as big-endian words. */
function cycleWords(bytes: Uint8Array, count: number): Int32Array {
  const words = new Int32Array(count);
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    let word = 0;
    for (let byte = 0; byte < 4; byte += 1) {
      word = (word << 8) | (bytes[at] ?? 0);
      at = (at + 1) % bytes.length;
    }
    words[index] = word;
  }
  return words;
}

/** Base 64 with bcrypt's own alphabet. */
function decode(text: string, byteCount: number): Uint8Array {
  const bytes = new Uint8Array(byteCount);
  let bits = 0;
  let bitCount = 0;
  let at = 0;
  for (const character of text) {
    bits = ((bits << 6) | ALPHABET.indexOf(character)) & 0xffff;
    bitCount += 6;
    if (bitCount < 8 || at >= byteCount) continue;
    bitCount -= 8;
    bytes[at] = (bits >>> bitCount) & 255;
    at += 1;
  }
  return bytes;
}

/** The first words of the binary fraction of pi, by Machin's formula. */
function fractionOfPi(wordCount: number): Int32Array {
  const bitCount = BigInt(wordCount * 32);
  // Each of some 15,000 divisions is rounded down: 64 bits more than are wanted hold the error.
  const one = 1n << (bitCount + 64n);
  const pi = 16n * arcTangent(5n, one) - 4n * arcTangent(239n, one);
  const fraction = (pi & (one - 1n)) >> 64n;
  const hex = fraction.toString(16).padStart(wordCount * 8, '0');
  const words = new Int32Array(wordCount);
  for (let index = 0; index < wordCount; index += 1) {
    words[index] = Number.parseInt(hex.slice(index * 8, index * 8 + 8), 16) | 0;
  }
  return words;
}

/** The arc tangent of `1 / inverse`, in units of `1 / one`. */
function arcTangent(inverse: bigint, one: bigint): bigint {
  const square = inverse * inverse;
  let power = one / inverse;
  let sum = power;
  for (let divisor = 3n, sign = -1n; power > 0n; divisor += 2n, sign = -sign) {
    power /= square;
    sum += (sign * power) / divisor;
  }
  return sum;
}
