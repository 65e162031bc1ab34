import { describe, expect, test } from 'vitest';
import {
  CgiEnvironment,
  commonBytesMax,
  listArguments,
  listEnvironment,
} from '../../../../src/abi/objects/cgi/environment.ts';
import type { RequestHead } from '../../../../src/http/message.ts';
import { defaultRequest } from './stream-exchange.ts';

function variables(
  request: Partial<RequestHead>,
  more: {
    bodyBytes?: number | undefined;
    environment?: readonly (readonly [string, string])[];
  } = {},
): Map<string, string> {
  const list = listEnvironment({
    request: { ...defaultRequest, ...request },
    bodyBytes: 'bodyBytes' in more ? more.bodyBytes : 0,
    environment: new Map(more.environment),
  });
  return new Map(
    list.map((pair) => {
      const mark = pair.indexOf('=');
      return [pair.slice(0, mark), pair.slice(mark + 1)];
    }),
  );
}

describe('listEnvironment()', () => {
  test('has what RFC 3875 and WAGI name', () => {
    const found = variables({
      target: '/dir/hello.wasm/a%20b/c?x=1&y=%20',
      pathInfo: '/a b/c',
      query: 'x=1&y=%20',
    });
    expect(Object.fromEntries(found)).toEqual({
      AUTH_TYPE: '',
      CONTENT_LENGTH: '0',
      CONTENT_TYPE: '',
      GATEWAY_INTERFACE: 'CGI/1.1',
      HTTP_HOST: 'example.test:8080',
      PATH_INFO: '/a b/c',
      PATH_TRANSLATED: '/a b/c',
      QUERY_STRING: 'x=1&y=%20',
      REMOTE_ADDR: '192.0.2.7',
      REMOTE_HOST: '192.0.2.7',
      REMOTE_PORT: '4711',
      REMOTE_USER: '',
      REQUEST_METHOD: 'GET',
      REQUEST_URI: '/dir/hello.wasm/a%20b/c?x=1&y=%20',
      SCRIPT_NAME: '/dir/hello.wasm',
      SERVER_NAME: 'example.test',
      SERVER_PORT: '8080',
      SERVER_PROTOCOL: 'HTTP/1.1',
      SERVER_SOFTWARE: 'terrafirma',
      X_FULL_URL: 'http://example.test:8080/dir/hello.wasm/a%20b/c?x=1&y=%20',
      X_MATCHED_ROUTE: '/dir/hello.wasm/...',
      X_RAW_PATH_INFO: '/a%20b/c',
    });
  });

  test('the port is the scheme’s where none is named, an address keeps its brackets', () => {
    const found = variables({ scheme: 'https', authority: '[2001:db8::1]' });
    expect(found.get('SERVER_NAME')).toBe('[2001:db8::1]');
    expect(found.get('SERVER_PORT')).toBe('443');
    expect(found.get('HTTPS')).toBe('on');
    expect(variables({ authority: '[::1]:81' }).get('SERVER_PORT')).toBe('81');
  });

  test('headers are variables, several of one name are one', () => {
    const found = variables({
      headers: [
        ['x-test', 'a"b'],
        ['accept', 'a'],
        ['accept', 'b'],
        ['cookie', 'a=1'],
        ['cookie', 'b=2'],
        ['content-type', 'text/x'],
        ['content-length', '5'],
      ],
    });
    expect(found.get('HTTP_X_TEST')).toBe('a"b');
    expect(found.get('HTTP_ACCEPT')).toBe('a, b');
    expect(found.get('HTTP_COOKIE')).toBe('a=1; b=2');
    expect(found.get('CONTENT_TYPE')).toBe('text/x');
    expect(found.has('HTTP_CONTENT_TYPE') || found.has('HTTP_CONTENT_LENGTH')).toBe(false);
  });

  test('a body without a length has none', () => {
    expect(variables({}, { bodyBytes: 5 }).get('CONTENT_LENGTH')).toBe('5');
    expect(variables({}, { bodyBytes: undefined }).has('CONTENT_LENGTH')).toBe(false);
  });

  test('secrets, the connection’s own and what would pass for others are not shown', () => {
    const found = variables({
      headers: [
        ['authorization', 'Basic x'],
        ['proxy-authorization', 'x'],
        ['connection', 'close'],
        ['proxy', 'http://evil.test'],
        ['x_user', 'mallory'],
        ['x-a.b', 'y'],
      ],
    });
    const shown = [...found.keys()].filter((name) => name.startsWith('HTTP_'));
    expect(shown).toEqual(['HTTP_HOST']);
  });

  test('a visitor’s Host header is not the host name', () => {
    const found = variables({ headers: [['host', 'evil.test']] });
    expect(found.get('HTTP_HOST')).toBe('example.test:8080');
  });

  test('the owner’s variables never replace the request’s', () => {
    const environment = [
      ['API_KEY', 'k\u00e9y'],
      ['REQUEST_METHOD', 'PUT'],
      ['HTTP_HOST', 'x'],
    ] as const;
    const found = variables({}, { environment });
    expect(found.get('API_KEY')).toBe('k\u00c3\u00a9y');
    expect(found.get('REQUEST_METHOD')).toBe('GET');
    expect(found.get('HTTP_HOST')).toBe('example.test:8080');
  });

  test('what was decoded is UTF-8, one character a byte, and never ends early', () => {
    const found = variables({ pathInfo: '/\u00e9', target: '/dir/hello.wasm/%C3%A9' });
    expect(found.get('PATH_INFO')).toBe('/\u00c3\u00a9');
    expect(found.get('X_RAW_PATH_INFO')).toBe('/%C3%A9');
    expect(variables({ query: 'a\0b' }).get('QUERY_STRING')).toBe('ab');
  });
});

describe('CgiEnvironment', () => {
  const requests: readonly Partial<RequestHead>[] = [
    {},
    { clientAddress: '2001:db8::7', clientPort: 1, method: 'PUT' },
    { target: '/dir/hello.wasm/x?y', pathInfo: '/x', query: 'y' },
    { authority: 'other.test' },
    { authority: 'other.test', scheme: 'https' },
    { authority: 'other.test', scheme: 'https', scriptName: '/\u00e9.wasm' },
    { httpVersion: '1.0', authority: '' },
    {
      headers: [
        ['host', 'example.test'],
        ['content-type', 'a/b'],
        ['user-agent', 'a\0b'],
      ],
    },
    {
      headers: [
        ['accept', 'a'],
        ['accept', 'b'],
        ['content-type', 'a/b'],
      ],
    },
    { headers: [['x-own', 'a']] },
    {},
  ];

  test('has nothing of the requests before', () => {
    const one = new CgiEnvironment();
    for (const request of requests) {
      const source = {
        request: { ...defaultRequest, ...request },
        bodyBytes: 0,
        environment: new Map(),
      };
      expect(one.layOut(source).list()).toEqual(listEnvironment(source));
    }
  });

  test('keeps only what is short', () => {
    const keptOf = (authority: string): number => {
      const one = new CgiEnvironment();
      const request = { ...defaultRequest, authority };
      const source = { request, bodyBytes: 0, environment: new Map() };
      expect(one.layOut(source).list()).toEqual(listEnvironment(source));
      return one.keptBytes;
    };
    const shortBytes = keptOf('a');
    // The host stands in two of the variables; the last NUL is not kept.
    const longest = 'a'.repeat(1 + Math.floor((commonBytesMax - shortBytes - 1) / 2));
    expect(keptOf(longest)).toBeGreaterThan(commonBytesMax - 3);
    expect(keptOf(`${longest}a`)).toBe(0);
  });

  test('says where each variable begins', () => {
    const environment = new Map([['OWN', 'x']]);
    for (const request of requests) {
      const source = { request: { ...defaultRequest, ...request }, bodyBytes: 0, environment };
      const { starts, text } = new CgiEnvironment().layOut(source);
      const found = starts.map((start) => text.slice(start, text.indexOf('\0', start)));
      expect(found).toEqual(listEnvironment(source));
      expect(found.at(-1)).toBe('OWN=x');
    }
  });
});

describe('listArguments()', () => {
  test.each([
    ['/a.wasm', '', ['/a.wasm']],
    ['/a.wasm/x?', '', ['/a.wasm/x']],
    ['/a.wasm?a=1&b&&c', 'a=1&b&&c', ['/a.wasm', 'a=1', 'b', '', 'c']],
  ])('%s', (target, query, expected) => {
    expect(listArguments({ ...defaultRequest, target, query }, undefined)).toEqual(expected);
  });

  test('the owner’s take the place of the query', () => {
    const request = { ...defaultRequest, target: '/lua.wasm?-e&os.exit()', query: '-e&os.exit()' };
    const bytes = Buffer.from('/ü.lua').toString('latin1');
    expect(listArguments(request, ['/ü.lua', '-v'])).toEqual(['/lua.wasm', bytes, '-v']);
    expect(listArguments(request, [])).toEqual(['/lua.wasm']);
  });
});
