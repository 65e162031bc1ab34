import { describe, expect, test } from 'vitest';
import { TerrafirmaError } from '../../src/errors.ts';
import { parseHostName } from '../../src/names.ts';

const label63 = 'a'.repeat(63);
/** 253 characters in labels of 63. */
const name253 = `${label63}.${label63}.${label63}.${'b'.repeat(61)}`;

describe('a host name', () => {
  test.each([
    ['example.com', 'example.com'],
    ['EXAMPLE.Com', 'example.com'],
    ['example.com:8080', 'example.com'],
    ['example.com.', 'example.com'],
    ['example.com.:443', 'example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['ｅｘａｍｐｌｅ。com', 'example.com'],
  ])('%s has one spelling', (authority, hostName) => {
    expect(parseHostName(authority)).toBe(hostName);
  });

  test('parsed again is itself', () => {
    for (const authority of ['Bücher.Example:80', 'a.B.', 'LOCALHOST']) {
      const once = parseHostName(authority);
      expect(parseHostName(once)).toBe(once);
    }
  });

  test('may be a single label', () => {
    expect(parseHostName('localhost:3000')).toBe('localhost');
  });

  test('has labels up to 63 characters', () => {
    expect(parseHostName(`${label63}.example`)).toBe(`${label63}.example`);
    expect(() => parseHostName(`${label63}a.example`)).toThrow(TerrafirmaError);
  });

  test('has up to 253 characters', () => {
    expect(parseHostName(name253)).toBe(name253);
    expect(parseHostName(`${name253}.:65535`)).toBe(name253);
    expect(() => parseHostName(`${name253}b`)).toThrow('253');
    expect(() => parseHostName(`${'ü.'.repeat(100)}example`)).toThrow('253');
    expect(() => parseHostName('ü'.repeat(1_000))).toThrow('must be at most 253 characters');
  });

  test('is refused with what was received, unable to forge a log line', () => {
    expect(() => parseHostName('a b\n{"level"')).toThrow(
      'Cannot serve the request: the host name must be letters, digits, "-" and ".": ' +
        'received "a b\\n{\\"level\\"',
    );
  });
});
