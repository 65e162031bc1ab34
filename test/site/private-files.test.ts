import { describe, expect, test } from 'vitest';
import { isPrivate, parsePrivateRule } from '../../src/site/private-files.ts';

function isClosed(pattern: string, path: string): boolean {
  const rule = parsePrivateRule(pattern);
  if (rule === undefined) throw new Error(`no rule: ${pattern}`);
  const isDirectory = path.endsWith('/');
  const segments = path.split('/').filter((name) => name !== '');
  return isPrivate([rule], { segments, isDirectory });
}

describe('isPrivate()', () => {
  test.each([
    ['/app.py', '/app.py'],
    ['/app.py', '/APP.PY'],
    ['/app.py', '/app.py.'],
    ['/app.py', '/app.py::$DATA'],
    ['/Größe.txt', '/gro\u0308\u00dfe.txt'],
    ['/lib/*', '/lib/a.lua'],
    ['/lib/*', '/lib/deep/b.lua'],
    ['/lib/*', '/Lib/a.lua'],
    ['/lib/*', '/lib/'],
    ['/lib/index.html', '/lib/'],
    ['/index.wasm', '/'],
    ['/*', '/anything'],
    ['/*', '/'],
  ])('%s closes %s', (pattern, path) => {
    expect(isClosed(pattern, path)).toBe(true);
  });

  test.each([
    ['/app.py', '/app.py2'],
    ['/app.py', '/dir/app.py'],
    ['/lib/*', '/lib'],
    ['/lib/*', '/library/a'],
    ['/lib/*', '/x/lib/a'],
    ['/lib', '/lib/a'],
  ])('%s leaves %s', (pattern, path) => {
    expect(isClosed(pattern, path)).toBe(false);
  });
});
