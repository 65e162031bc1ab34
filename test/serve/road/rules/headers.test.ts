import { describe, expect, test } from 'vitest';
import { headersFor } from '../../../../src/serve/road/rules/headers.ts';
import { parseSettings } from '../../../../src/site/settings.ts';

const { headers } = parseSettings(
  Buffer.from(`
[[headers]]
for = "/*"
set = { "X-All" = "1", "cache-control" = "max-age=60", "content-type" = "text/x", "pragma" = "x" }

[[headers]]
for = "/a/*"
set = { "x-all" = "2", "x-a" = "a" }
apply = "all"

[[headers]]
for = "/a/b"
set = { "x-b" = "b" }
`),
  100_000,
);

describe('headersFor()', () => {
  test.each([
    ['/', 'file', 'x-all: 1|cache-control: max-age=60|content-type: text/x|pragma: x'],
    [
      '/a/b',
      'file',
      'x-all: 2|cache-control: max-age=60|content-type: text/x|pragma: x|x-a: a|x-b: b',
    ],
    ['/a/b', 'module', 'x-all: 2|x-a: a'],
    ['/b', 'module', ''],
    // Nothing that is true of the file alone.
    ['/a/b', 'stand-in', 'x-all: 2|x-a: a|x-b: b'],
  ] as const)('%s as %s', (path, kind, expected) => {
    const found = headersFor(headers, path, kind).map((pair) => pair.join(': '));
    expect(found.join('|')).toBe(expected);
  });

  test('without rules there are none', () =>
    expect(headersFor(undefined, '/', 'file')).toEqual([]));
});
