import { expect, test } from 'vitest';
import { matchAll } from '../../../src/site/path-patterns.ts';
import { faultOf, lines, read } from './read.ts';

test('[[middleware]] names paths, and modules in their order', () => {
  const { middleware } = read(`
    [[middleware]]
    for = "/admin/*"
    use = ["plugins/auth.wasm", "plugins/headers.wasm"]
    [[middleware]]
    for = "/*"
    use = ["log.wasm"]
  `);
  expect(middleware?.rules).toEqual([
    { links: ['plugins/auth.wasm', 'plugins/headers.wasm'] },
    { links: ['log.wasm'] },
  ]);
  expect([...(middleware?.links ?? [])]).toHaveLength(3);
  expect(middleware && matchAll(middleware.table, '/admin/x')).toEqual([0, 1]);
  expect(middleware && matchAll(middleware.table, '/admin')).toEqual([0, 1]);
  expect(middleware && matchAll(middleware.table, '/other')).toEqual([1]);
});

test.each([
  ['for = "/a"', 'middleware must have "use"'],
  ['use = ["a.wasm"]', 'middleware must have "for"'],
  ['for = "/a"\nuse = []', 'middleware.use must name a module'],
  ['for = "/a"\nuse = ["a.html"]', 'middleware.use must be the path of a module'],
  ['for = "/a*"\nuse = ["a.wasm"]', 'middleware.for may hold "*" only as its last segment'],
  [`for = "/a"\nuse = [${'"a.wasm",'.repeat(9)}]`, 'middleware.use may hold at most 8 modules'],
])('%j is refused', (text, fault) => {
  expect(faultOf(`[[middleware]]\n${text}`)).toContain(fault);
});

test('at most 100 patterns', () => {
  const rules = (count: number) =>
    lines(count, (n) => `[[middleware]]\nfor = "/p${n}/*"\nuse = ["a.wasm"]`);
  expect(faultOf(rules(100))).toBe('accepted');
  expect(faultOf(rules(101))).toContain('middleware may hold at most 100 paths');
});
