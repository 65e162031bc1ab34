import { describe, expect, test } from 'vitest';
import { parseRequestPath } from '../../src/names.ts';

describe('a request path', () => {
  test('of a module stops at the first segment that ends in .wasm', () => {
    expect(parseRequestPath('/dir/x.wasm/a.wasm/b?q=%20&r')).toEqual({
      segments: ['dir', 'x.wasm'],
      isDirectory: false,
      modulePath: 'dir/x.wasm',
      pathInfo: '/a.wasm/b',
      query: 'q=%20&r',
    });
  });

  test('leaves the rest to the guest, decoded once, whatever it holds', () => {
    const { pathInfo } = parseRequestPath('/x.wasm/../a//b%2fc%252f/%2e%2e/.kbp_config/~%0a/');
    expect(pathInfo).toBe('/../a//b/c%2f/../.kbp_config/~\n/');
    expect(parseRequestPath('/x.wasm').pathInfo).toBe('');
    expect(parseRequestPath('/x.wasm/').pathInfo).toBe('/');
    expect(parseRequestPath('/x.wasm//').pathInfo).toBe('//');
  });

  test('of a file has decoded segments and an untouched query', () => {
    expect(parseRequestPath('/img/my%20cat.jpg?a=b?c/%00')).toEqual({
      segments: ['img', 'my cat.jpg'],
      isDirectory: false,
      modulePath: undefined,
      pathInfo: '',
      query: 'a=b?c/%00',
    });
  });

  test('of a directory ends with a slash', () => {
    expect(parseRequestPath('/')).toMatchObject({ segments: [], isDirectory: true, query: '' });
    expect(parseRequestPath('/?x')).toMatchObject({ segments: [], isDirectory: true, query: 'x' });
    expect(parseRequestPath('/a/')).toMatchObject({ segments: ['a'], isDirectory: true });
    expect(parseRequestPath('/a')).toMatchObject({ segments: ['a'], isDirectory: false });
  });

  test('is a module only when .wasm ends the segment', () => {
    expect(parseRequestPath('/hello.wasmx').modulePath).toBeUndefined();
    expect(parseRequestPath('/a.wasm.d/f').modulePath).toBeUndefined();
    expect(parseRequestPath('/hello%2ewasm').modulePath).toBe('hello.wasm');
  });

  test('may name a version of the module by eight hexadecimal digits or more', () => {
    expect(parseRequestPath('/d/x.wasm@3f5a9c1d/a//b?q')).toEqual({
      segments: ['d', 'x.wasm'],
      isDirectory: false,
      modulePath: 'd/x.wasm',
      pathInfo: '/a//b',
      query: 'q',
      version: '3f5a9c1d',
    });
    for (const name of ['x.wasm@3f5a9c1', 'x.wasm@3F5A9C1D', 'x.wasm@3f5a9c1z', 'x@3f5a9c1d']) {
      expect(parseRequestPath(`/${name}`)).toMatchObject({ modulePath: undefined });
    }
    expect(() => parseRequestPath('/.x.wasm@3f5a9c1d')).toThrow(/never served/);
  });

  test('is decoded exactly once', () => {
    expect(parseRequestPath('/a%2541').segments).toEqual(['a%41']);
    expect(parseRequestPath('/%252e%252e/x').segments).toEqual(['%2e%2e', 'x']);
  });

  test('says of the configuration what Keybase said', () => {
    expect(() => parseRequestPath('/.KBP_config')).toThrow(
      'Reading /.kbp_config directly is forbidden.',
    );
  });

  test('never leads to the settings of the folder, nor to copies of them', () => {
    for (const path of [
      ...['/fastly.toml', '/TERRAFIRMA.toml', '/fastly.toml.bak', '/a/terrafirma.toml.orig'],
      ...['/fastly.stage.toml', '/Fastly%20(1).toml', '/fastly.toml.d/x.txt'],
    ]) {
      expect(() => parseRequestPath(path), path).toThrow(/never served/);
    }
  });

  test('may lead below .well-known, but not to what the daemon answers there', () => {
    const { segments } = parseRequestPath('/.well-known/security.txt');
    expect(segments).toEqual(['.well-known', 'security.txt']);
    expect(parseRequestPath('/.well-known/a/b').segments).toEqual(['.well-known', 'a', 'b']);
    expect(parseRequestPath('/.well-known/').isDirectory).toBe(true);
    for (const path of [
      ...['/.well-known/acme-challenge/token', '/.well-known/ACME-challenge/token'],
      ...['/.well-known/terrafirma', '/.well-known/.git', '/.well-known/a/.env'],
      ...['/.well-known/x.wasm', '/.Well-Known/a', '/.well-known/.well-known/a'],
      ...['/a/.well-known/b', '/.well-knownx/a'],
    ]) {
      expect(() => parseRequestPath(path), path).toThrow(/never served/);
    }
  });
});
