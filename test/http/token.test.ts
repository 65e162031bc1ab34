import { describe, expect, test } from 'vitest';
import { beginsField, isToken } from '../../src/http/token.ts';

/** RFC 9110, section 5.6.2. */
const marks = "!#$%&'*+-.^_`|~";

describe('isToken()', () => {
  test.each(['GET', 'x-One', '0', marks])('takes %s', (text) => expect(isToken(text)).toBe(true));

  test('takes the characters of the grammar alone', () => {
    const taken = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).filter(
      isToken,
    );
    const letters = taken.filter((one) => /[0-9A-Za-z]/.test(one));
    expect(letters).toHaveLength(62);
    expect(taken.filter((one) => !letters.includes(one)).join('')).toBe([...marks].sort().join(''));
  });

  test.each(['', ' ', 'a b', 'a:', 'é', 'a\n', 'a\r\nb', 'a\0'])('refuses %j', (text) =>
    expect(isToken(text)).toBe(false),
  );
});

test.each([
  ['Status: 200', true],
  ['x:', true],
  ['a b: c', false],
  [': c', false],
  ['x', false],
  ['x : y', false],
])('beginsField(%j) is %j', (line, begins) => expect(beginsField(line)).toBe(begins));
