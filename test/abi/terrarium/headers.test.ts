import { describe, expect, test } from 'vitest';
import { HeaderMap } from '../../../src/abi/objects/headers.ts';
import { ObjectError } from '../../../src/abi/objects/object-error.ts';
import {
  encodeTarget,
  encodeValue,
  GuestHeaders,
  indexHeaders,
} from '../../../src/abi/terrarium/headers.ts';

function createHeaders(limits: { linesMax?: number; bytesMax?: number } = {}): GuestHeaders {
  return new GuestHeaders(new HeaderMap({ linesMax: 8, bytesMax: 64, ...limits }));
}

describe('values for a guest', () => {
  test('visible ASCII, space and tab are as received', () => {
    expect(encodeValue('a b\t~!%41"<>')).toBe('a b\t~!%41"<>');
  });

  test.each([
    ['\u00e9', '%E9'],
    ['\u00c3\u00a9', '%C3%A9'],
    ['a\u007fb', 'a%7Fb'],
    ['\u0001', '%01'],
    ['\u20ac', '%E2%82%AC'],
    ['\u{1f600}', '%F0%9F%98%80'],
  ])('%j becomes %s', (value, encoded) => {
    expect(encodeValue(value)).toBe(encoded);
  });

  test('a target is as received, but for what no URI reference may hold', () => {
    const target = "/a.wasm/%41;x=[1]?q=a+b&c=d|e^f\\g'h";
    expect(encodeTarget(target)).toBe(target);
    expect(encodeTarget('/a b?"<>`{}#\u00e9\u0000')).toBe('/a%20b?%22%3C%3E%60%7B%7D%23%E9%00');
  });

  test('are found by lower-case name, in order of arrival', () => {
    const index = indexHeaders([
      ['Foo', '1'],
      ['bar', ''],
      ['foo', '2'],
    ]);
    expect([...index]).toEqual([
      ['foo', ['1', '2']],
      ['bar', ['']],
    ]);
  });

  test('a header named like a property of objects is one', () => {
    expect(indexHeaders([['__proto__', 'x']]).get('__proto__')).toEqual(['x']);
    expect(indexHeaders([]).get('constructor')).toBeUndefined();
  });
});

describe('headers a guest sets', () => {
  test('replace all values of the name, whatever its case; none removes it', () => {
    const headers = createHeaders();
    headers.set('X-A', ['1', '2']);
    headers.set('b', ['3']);
    headers.set('x-a', ['4']);
    expect(headers.toLines()).toEqual([
      ['x-a', '4'],
      ['b', '3'],
    ]);
    headers.set('X-a', []);
    expect(headers.toLines()).toEqual([['b', '3']]);
  });

  test.each(['', 'a b', 'a:b', 'a\r\nb', 'a\0', 'é', 'a\u007f', '(a)', 'a"'])(
    'refuse the name %j',
    (name) => {
      expect(() => createHeaders().set(name, ['1'])).toThrow(ObjectError);
    },
  );

  test.each(['a\r\nb', 'a\nb', 'a\rb', 'a\0b', '\u0001', '\u007f', '\u20ac'])(
    'refuse the value %j, and keep what was there',
    (value) => {
      const headers = createHeaders();
      headers.set('a', ['before']);
      expect(() => headers.set('a', ['fine', value])).toThrow(ObjectError);
      expect(headers.toLines()).toEqual([['a', 'before']]);
    },
  );

  test('take tab, high bytes and empty values', () => {
    const headers = createHeaders();
    headers.set('a', ['', '\t\u0080\u00ff ~']);
    expect(headers.toLines()).toHaveLength(2);
  });

  test.each([
    'Content-Length',
    'connection',
    'Keep-Alive',
    'proxy-connection',
    'TE',
    'Trailer',
    'transfer-encoding',
    'Upgrade',
  ])('drop %s without complaint', (name) => {
    const headers = createHeaders();
    headers.set(name, ['12']);
    expect(headers.toLines()).toEqual([]);
  });

  test('have at most linesMax lines', () => {
    const headers = createHeaders({ linesMax: 3 });
    headers.set('a', ['1', '2']);
    headers.set('b', ['3']);
    expect(() => headers.set('c', ['4'])).toThrow(/at most 3 lines/);
    headers.set('a', ['1']);
    headers.set('c', ['4']);
    expect(headers.toLines()).toHaveLength(3);
  });

  test('have at most bytesMax bytes, names counted once a line', () => {
    const headers = createHeaders({ bytesMax: 10 });
    headers.set('ab', ['123', '456']);
    expect(headers.byteLength).toBe(10);
    expect(() => headers.set('c', [''])).toThrow(/10 bytes/);
    headers.set('ab', ['1']);
    headers.set('c', ['123456']);
    expect(headers.byteLength).toBe(10);
  });

  test('the log never holds a refused value', () => {
    expect(() => createHeaders().set('authorization', ['secret\n'])).toThrow(
      /^(?!.*secret).*received 7 bytes$/,
    );
  });
});
