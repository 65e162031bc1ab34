import { describe, expect, test } from 'vitest';
import {
  combinedField,
  firstField,
  isFieldValue,
  trimSpace,
  trimSpaceBehind,
} from '../../src/http/fields.ts';

const headers = [
  ['accept', 'a'],
  ['x', '1'],
  ['accept', 'b'],
] as const;

describe('isFieldValue()', () => {
  test.each(['', 'a', ' a\tb ', '\x80\xff', '~'])('takes %j', (text) =>
    expect(isFieldValue(text)).toBe(true),
  );
  test.each(['\r', 'a\nb', '\0', '\x1f', '\x7f', 'Ā', '€'])('refuses %j', (text) =>
    expect(isFieldValue(text)).toBe(false),
  );
});

test('the first field and the list of all are two things', () => {
  expect(firstField(headers, 'accept')).toBe('a');
  expect(combinedField(headers, 'accept')).toBe('a, b');
  expect(firstField(headers, 'none')).toBeUndefined();
  expect(combinedField(headers, 'none')).toBeUndefined();
});

test('only space and tab stand around a value', () => {
  expect(trimSpace(' \ta b\t ')).toBe('a b');
  expect(trimSpace('\u00a0a')).toBe('\u00a0a');
  expect(trimSpace(' \t ')).toBe('');
  expect(trimSpace('')).toBe('');
  expect(trimSpaceBehind(' a\t ')).toBe(' a');
});
