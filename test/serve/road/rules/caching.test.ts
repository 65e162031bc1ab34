import { describe, expect, test } from 'vitest';
import { cacheControlOf } from '../../../../src/serve/road/rules/caching.ts';

describe('cacheControlOf()', () => {
  test.each([
    'app.3f5a9c1d.js',
    'app-3f5a9c1d2e4b.min.css',
    '3f5a9c1d2e.woff2',
    'index-BaX3k2dF.js',
    'main-5YQXK3ZP.js',
    'chunk_8f14e45fceea167a5a36dedd4bea2543.mjs',
  ])('keeps %s', (name) => {
    expect(cacheControlOf(name, true)).toBe('public, max-age=31536000, immutable');
    expect(cacheControlOf(name, false)).toBe('private, max-age=31536000, immutable');
  });

  test.each([
    'index.html',
    'index-3f5a9c1d.html',
    'manifest-3f5a9c1d.json',
    'app.js',
    'javascript.js',
    // Seven digits.
    'app.3f5a9c1.js',
    // Dates, words, and words with a year.
    'photo-20240131.jpg',
    'report-2024-01-31.png',
    'my-screenshot.png',
    'facade2024.jpg',
    'my-Report2024.png',
    'MyPhoto2024a1.png',
    // Not between separators: no extension.
    '3f5a9c1d2e',
    'deadbeef.js',
    'app.DEADBEEF.js',
  ])('asks for %s', (name) => expect(cacheControlOf(name, true)).toBe('no-cache'));
});
