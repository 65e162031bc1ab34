import { describe, expect, test } from 'vitest';
import {
  compatibleName,
  isLabel,
  parseExternName,
  uniqueKey,
} from '../../../src/wasm/component/names.ts';

describe('isLabel()', () => {
  test.each(['a', 'a-1', 'B1-C', 'a11-B11-123-ABC', 'x0'])('takes %s', (text) => {
    expect(isLabel(text)).toBe(true);
  });

  test.each(['', '1', 'a-', 'a--b', 'aBc', '-a', 'a_b', 'ä', '__proto__', 'a b'])(
    'does not take %j',
    (text) => {
      expect(isLabel(text)).toBe(false);
    },
  );
});

describe('parseExternName()', () => {
  test('tells interfaces, methods and plain names apart', () => {
    expect(parseExternName('wasi:http/types@0.2.3')).toEqual({ kind: 'interface' });
    expect(parseExternName('[method]a.b')).toEqual({ kind: 'method', resource: 'a', label: 'b' });
    expect(parseExternName('[constructor]a')).toEqual({ kind: 'constructor', resource: 'a' });
    expect(parseExternName('run')).toEqual({ kind: 'plain', label: 'run' });
  });

  test.each([
    'url=<https://example.com>',
    'integrity=<sha256-abc>',
    'a:b/c@',
    'a:b/c@1.0',
    'a:b/c@01.0.0',
    'A:b/c',
    'a:b/c/d',
    '[method]a',
    '[method]a.b.c',
    '../x',
    '\u2028',
  ])('does not take %j', (text) => {
    expect(parseExternName(text)).toBeUndefined();
  });
});

describe('uniqueKey()', () => {
  test('is equal for names that are too much alike', () => {
    expect(uniqueKey('Foo-BAR')).toBe(uniqueKey('foo-bar'));
    expect(uniqueKey('[method]a.a')).toBe(uniqueKey('a'));
    expect(uniqueKey('[static]a.b')).toBe(uniqueKey('[method]a.b'));
    expect(uniqueKey('[constructor]a')).not.toBe(uniqueKey('a'));
  });
});

describe('compatibleName()', () => {
  test.each([
    ['wasi:http/types@0.2.0', 'wasi:http/types@0.2.12', true],
    ['a:b/c@1.2.3', 'a:b/c@1.9.0+build', true],
    ['a:b/c@0.0.1', 'a:b/c@0.0.2', false],
    ['a:b/c@0.3.0', 'a:b/c@0.3.0-rc-2026-03-15', false],
    ['a:b/c@1.0.0', 'a:b/c@2.0.0', false],
    ['a:b/c', 'a:b/c@1.0.0', false],
  ])('%s and %s', (one, other, areSame) => {
    expect(compatibleName(one) === compatibleName(other)).toBe(areSame);
  });
});
