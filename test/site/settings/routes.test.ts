import { expect, test } from 'vitest';
import { matchFirst } from '../../../src/site/path-patterns.ts';
import { faultOf, lines, read } from './read.ts';

test('[[routes]] name the module, the methods and how deep its own path begins', () => {
  const { routes } = read(`
    [[routes]]
    path = "/api/*"
    module = "dir/api.wasm"
    methods = ["get", "POST"]
    [[routes]]
    path = "/about"
    module = "page.wasm"
  `);
  expect(routes?.rules).toEqual([
    { modulePath: 'dir/api.wasm', methods: new Set(['GET', 'POST']), depth: 1 },
    { modulePath: 'page.wasm' },
  ]);
  expect(routes && matchFirst(routes.table, '/api/x')?.rule).toBe(0);
  expect(routes && matchFirst(routes.table, '/about/')?.rule).toBe(1);
});

test.each([
  ['path = "/a"', 'routes must have "module"'],
  ['path = "/a"\nmodule = "/a.wasm"', 'toml:3: routes.module must be the path of a module'],
  ['path = "/a"\nmodule = "a.html"', 'routes.module must be the path of a module'],
  ['path = "/a"\nmodule = "../a.wasm"', 'routes.module must be the path of a module'],
  ['path = "/a*"\nmodule = "a.wasm"', 'routes.path may hold "*" only as its last segment'],
  ['path = "/a"\nmodule = "a.wasm"\nmethods = ["G T"]', 'routes.methods must hold methods'],
  [
    `path = "/a"\nmodule = "a.wasm"\nmethods = [${'"GET",'.repeat(17)}]`,
    'routes.methods may hold at most 16 methods',
  ],
])('%j is refused', (text, fault) => {
  expect(faultOf(`[[routes]]\n${text}`)).toContain(fault);
});

test('at most 100 patterns', () => {
  const routes = (count: number) =>
    lines(count, (n) => `[[routes]]\npath = "/p${n}/*"\nmodule = "a.wasm"`);
  expect(faultOf(routes(100))).toBe('accepted');
  expect(faultOf(routes(101))).toContain('routes may hold at most 100 paths');
});
