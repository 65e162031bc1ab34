import { describe, expect, test } from 'vitest';
import { matchAll } from '../../../src/site/path-patterns.ts';
import { refusedHeaders } from '../../../src/site/settings/headers.ts';
import { faultOf, lines, read } from './read.ts';

const one = (text: string) => `[[headers]]\nfor = "/*"\n${text}`;

describe('[[headers]]', () => {
  test('all rules that match hold', () => {
    const { headers } = read(`
      [[headers]]
      for = "/assets/*"
      set = { "Cache-Control" = "public, max-age=31536000, immutable" }
      [[headers]]
      for = "/*"
      apply = "all"
      set = { X-A = "" }
    `);
    expect(headers && matchAll(headers.table, '/assets/a.js')).toEqual([0, 1]);
    expect(headers?.rules).toEqual([
      {
        headers: [['cache-control', 'public, max-age=31536000, immutable']],
        isForModules: false,
      },
      { headers: [['x-a', '']], isForModules: true },
    ]);
  });

  test.each([...refusedHeaders])('%s is refused, in any case', (name) => {
    for (const written of [name, name.toUpperCase()]) {
      const fault = faultOf(one(`set = { "${written}" = "x" }`));
      expect(fault).toContain('toml:3: headers.set may not set what the daemon sets itself');
    }
  });

  test.each([
    ['', 'toml:1: headers must have "set"'],
    ['set = { "a b" = "x" }', 'names of headers in headers.set must be names of HTTP headers'],
    ['set = { a = "x\\r\\ny: z" }', 'headers.set.a must be visible ASCII'],
    ['set = { a = "ü" }', 'headers.set.a must be visible ASCII'],
    ['set = { a = " x" }', 'headers.set.a must be visible ASCII'],
    ['set = { a = 1 }', 'headers.set.a must be visible ASCII'],
    ['set = { a = "1", A = "2" }', 'headers.set may hold each header once'],
    ['set = { a = "1" }\napply = "guests"', 'headers.apply must be "files" or "all"'],
  ])('%j is refused', (text, fault) => {
    expect(faultOf(one(text))).toContain(fault);
  });

  test('their count and size are bounded', () => {
    const set = (count: number) => one(`[headers.set]\n${lines(count, (n) => `h${n} = "x"`)}`);
    expect(faultOf(set(32))).toBe('accepted');
    expect(faultOf(set(33))).toContain('headers.set may hold at most 32 headers');
    const value = (bytes: number) => one(`set = { a = "${'x'.repeat(bytes)}" }`);
    expect(faultOf(value(4_096))).toBe('accepted');
    expect(faultOf(value(4_097))).toContain('headers.set.a must have at most 4096 bytes');
    const patterns = (count: number) =>
      lines(count, (n) => `[[headers]]\nfor = "/p${n}/*"\nset = {}`);
    expect(faultOf(patterns(100))).toBe('accepted');
    expect(faultOf(patterns(101))).toContain('headers may hold at most 100 paths');
  });
});
