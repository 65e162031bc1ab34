import { expect, test } from 'vitest';
import { pathOf, queryOf } from '../../src/http/target.ts';

test.each([
  ['/', '/', ''],
  ['/a?', '/a', ''],
  ['/a?b=1&c', '/a', 'b=1&c'],
  ['/a?b?c', '/a', 'b?c'],
])('%s is %s and %j', (target, path, query) => {
  expect(pathOf(target)).toBe(path);
  expect(queryOf(target)).toBe(query);
});
