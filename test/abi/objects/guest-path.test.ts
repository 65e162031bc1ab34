import { describe, expect, test } from 'vitest';
import { guestPathOf, withPrefix } from '../../../src/abi/objects/guest-path.ts';

describe('guestPathOf()', () => {
  test.each([
    ['/app.wasm/users/1?a=b', '/app.wasm', 'app.wasm', '/users/1?a=b', '/app.wasm'],
    ['/app.wasm', '/app.wasm', 'app.wasm', '/', '/app.wasm'],
    ['/app.wasm@3f5a9c1d/x', '/app.wasm@3f5a9c1d', 'app.wasm', '/x', '/app.wasm@3f5a9c1d'],
    ['/a/b%20c.wasm/d', '/a/b c.wasm', 'a/b c.wasm', '/d', '/a/b c.wasm'],
    ['/a/b?c', '/app.wasm', 'app.wasm', '/a/b?c', '/app.wasm'],
    ['/%zz/b', '/app.wasm', 'app.wasm', '/%zz/b', '/app.wasm'],
    ['/whole/users/1', '/whole', 'whole/index.wasm', '/whole/users/1', undefined],
    ['/users/1?x', '', 'index.wasm', '/users/1?x', undefined],
  ])('%s of %s', (target, scriptName, modulePath, guests, prefix) => {
    expect(guestPathOf({ target, scriptName }, modulePath)).toEqual({ target: guests, prefix });
  });
});

describe('withPrefix()', () => {
  test('drops what the visitor claims', () => {
    const claimed = [['x-forwarded-prefix', '/evil']] as const;
    expect(withPrefix(claimed, { target: '/', prefix: '/ä.wasm' })).toEqual([
      ['x-forwarded-prefix', '/Ã¤.wasm'],
    ]);
    expect(withPrefix(claimed, { target: '/', prefix: undefined })).toEqual(claimed);
  });
});
