import { expect, test } from 'vitest';
import { placeOf, usualTarget } from '../../../src/commands/run/place.ts';
import type { ModulePath } from '../../../src/names.ts';
import { parseSettings } from '../../../src/site/settings.ts';

const toml = `
  [[routes]]
  path = "/api/*"
  module = "ab/api.wasm"
  [[routes]]
  path = "/put"
  module = "put.wasm"
  methods = ["PUT"]`;
const settings = parseSettings(Buffer.from(toml), 10_000);

function place(name: string, target: string, method = 'GET'): string {
  const { scriptName, pathInfo } = placeOf({ target, method }, name as ModulePath, settings);
  return `${scriptName || '-'} ${pathInfo || '-'}`;
}

test.each([
  // By its own name.
  ['ab/api.wasm', '/ab/api.wasm/x?y', '/ab/api.wasm /x'],
  ['index.wasm', '/index.wasm/x', '/index.wasm /x'],
  // By a route.
  ['ab/api.wasm', '/api/x', '/api /x'],
  // As an index.wasm.
  ['index.wasm', '/', '- /'],
  ['index.wasm', '/a/b', '- /a/b'],
  ['shop/index.wasm', '/shop/7', '/shop /7'],
  // As none of these.
  ['shop/index.wasm', '/else', '/shop/index.wasm /else'],
  ['hello.wasm', '/', '/hello.wasm -'],
  ['hello.wasm', '/a//b', '/hello.wasm /a//b'],
  ['put.wasm', '/put', '/put.wasm /put'],
])('%s, asked for %s: %s', (name, target, expected) => {
  expect(place(name, target)).toBe(expected);
});

test('a route holds for its methods', () => {
  expect(place('put.wasm', '/put', 'PUT')).toBe('/put -');
});

test('a module is asked for by its own path, an index.wasm by its directory', () => {
  expect(usualTarget('a-b/c.wasm' as ModulePath)).toBe('/a-b/c.wasm');
  expect(usualTarget('shop/index.wasm' as ModulePath)).toBe('/shop/');
  expect(usualTarget('index.wasm' as ModulePath)).toBe('/');
});
