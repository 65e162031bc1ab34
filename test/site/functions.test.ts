import { describe, expect, test } from 'vitest';
import { parseRequestPath } from '../../src/names.ts';
import {
  indexDepthMax,
  indexModules,
  pathOfStanding,
  routedModules,
  type Standing,
} from '../../src/site/functions.ts';
import { parseSettings } from '../../src/site/settings.ts';

function routed(toml: string, target: string, method = 'GET'): readonly string[] {
  const { routes } = parseSettings(Buffer.from(toml), 10_000);
  if (routes === undefined) throw new TypeError('Cannot route: no routes');
  return routedModules(routes, parseRequestPath(target), method).map(tell);
}

function tell({ modulePath, scriptName, pathInfo }: Standing): string {
  return `${modulePath} ${scriptName || '-'} ${pathInfo || '-'}`;
}

describe('routes', () => {
  const toml = `
    routes = [
      { path = "/api/*", module = "api.wasm" },
      { path = "/api/v1/users/:id", module = "users.wasm", methods = ["get", "PUT"] },
      { path = "/about", module = "pages/about.wasm" },
      { path = "/*", module = "rest.wasm", methods = ["POST"] },
    ]`;

  test.each([
    ['/api/v2', ['api.wasm /api /v2']],
    ['/api/', ['api.wasm /api /']],
    ['/api', ['api.wasm /api -']],
    ['/api/v1/users/7', ['api.wasm /api /v1/users/7', 'users.wasm /api/v1/users/7 -']],
    ['/api/a%20b/', ['api.wasm /api /a b/']],
    ['/about', ['pages/about.wasm /about -']],
    ['/about/', ['pages/about.wasm /about/ -']],
    ['/apis', []],
    ['/api/x.wasm/y//z', ['api.wasm /api /x.wasm/y//z']],
  ])('%s → %j', (target, expected) => {
    expect(routed(toml, target)).toEqual(expected);
  });

  test('hold for their methods, in any case', () => {
    expect(routed(toml, '/api/v1/users/7', 'put')).toContain('users.wasm /api/v1/users/7 -');
    expect(routed(toml, '/api/v1/users/7', 'DELETE')).toEqual(['api.wasm /api /v1/users/7']);
    expect(routed(toml, '/else', 'POST')).toEqual(['rest.wasm - /else']);
    expect(routed(toml, '/else')).toEqual([]);
  });
});

describe('the index.wasm at or above a path', () => {
  test.each([
    ['/', ['index.wasm - /']],
    ['/a', ['index.wasm - /a']],
    ['/a/', ['a/index.wasm /a /', 'index.wasm - /a/']],
    ['/a/b?q', ['a/index.wasm /a /b', 'index.wasm - /a/b']],
    ['/a/x.wasm/b//c/', ['a/index.wasm /a /x.wasm/b//c/', 'index.wasm - /a/x.wasm/b//c/']],
    ['/x.wasm@3f5a9c1d/b', ['index.wasm - /x.wasm@3f5a9c1d/b']],
    // No module may lie below such a name.
    ['/a/b%20c/d', ['a/index.wasm /a /b c/d', 'index.wasm - /a/b c/d']],
  ])('%s → %j', (target, expected) => {
    expect(indexModules(parseRequestPath(target)).map(tell)).toEqual(expected);
  });

  test('is looked for so many directories down, and no further', () => {
    const deep = `/${'d/'.repeat(indexDepthMax + 5)}`;
    const found = indexModules(parseRequestPath(deep));
    expect(found).toHaveLength(indexDepthMax + 1);
    expect(found[0]?.pathInfo).toBe('/d/d/d/d/d/');
  });

  test('is read by the rules of its own path', () => {
    const [standing] = indexModules(parseRequestPath('/a/b'));
    if (standing === undefined) throw new TypeError('none');
    expect(pathOfStanding(standing, '')).toMatchObject({
      segments: ['a', 'index.wasm'],
      pathInfo: '/b',
    });
  });
});
