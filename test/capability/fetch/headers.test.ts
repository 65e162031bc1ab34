import { describe, expect, test } from 'vitest';
import type { OutboundRequest } from '../../../src/capability/fetch/contract.ts';
import {
  countLoopHops,
  loopHopsMax,
  parseMethod,
  parseTarget,
  redirected,
  replyHeaders,
  requestHeaders,
} from '../../../src/capability/fetch/headers.ts';
import type { Header } from '../../../src/http/message.ts';

const loop: Header = ['cdn-loop', 'terrafirma'];
const visit = 'visit-1';
const visited: Header = ['terrafirma-visit', visit];
const agent: Header = ['user-agent', 'terrafirma'];

describe('headers of a request', () => {
  test('names become lower case and several values stay several lines, in order', () => {
    const headers = requestHeaders(
      [
        ['X-A', '1'],
        ['User-Agent', 'me'],
        ['x-a', '2'],
      ],
      { hops: 0, visit },
    );
    expect(headers).toEqual([['x-a', '1'], ['user-agent', 'me'], ['x-a', '2'], visited, loop]);
  });

  test('hop-by-hop and framing headers, and what Connection names, do not leave', () => {
    const given: Header[] = [
      ['Connection', 'close, X-Gone'],
      ['x-gone', '1'],
      ['Keep-Alive', 'timeout=5'],
      ['Transfer-Encoding', 'chunked'],
      ['Content-Length', '7'],
      ['Expect', '100-continue'],
      ['Upgrade', 'websocket'],
      ['Proxy-Authorization', 'Basic eA=='],
      ['TE', 'trailers'],
      ['Trailer', 'x'],
      ['Terrafirma-Visit', 'of another'],
    ];
    expect(requestHeaders(given, { hops: 0, visit })).toEqual([agent, visited, loop]);
  });

  test.each([
    ['x', 'a\r\nHost: evil'],
    ['x', 'a\nb'],
    ['x', 'a\0b'],
    ['x', 'wide \u{1f30d}'],
    ['x', '\x7f'],
    ['x y', '1'],
    ['x\r\ny', '1'],
    ['', '1'],
    ['x:', '1'],
  ])('the header %j: %j is refused', (name, value) => {
    expect(() => requestHeaders([[name, value]], { hops: 0, visit })).toThrow('Cannot fetch: ');
  });

  test('bytes above ASCII and tabs are allowed in values', () => {
    const headers = requestHeaders([['x', 'caf\xe9\t!']], { hops: 0, visit });
    expect(headers[0]).toEqual(['x', 'caf\xe9\t!']);
  });

  test('the loop guard grows by one and a guest can neither shorten nor fake it', () => {
    const given: Header[] = [['CDN-Loop', 'other; v=1, terrafirma, Terrafirma;x=1']];
    const headers = requestHeaders(given, { hops: 2, visit });
    expect(headers).toEqual([
      ['cdn-loop', 'other; v=1'],
      agent,
      visited,
      ['cdn-loop', 'terrafirma, terrafirma, terrafirma'],
    ]);
    expect(countLoopHops(headers)).toBe(3);
  });

  test('loopHopsMax: a request that has passed so many of us is not sent on', () => {
    expect(countLoopHops(requestHeaders([], { hops: loopHopsMax - 1, visit }))).toBe(loopHopsMax);
    expect(() => requestHeaders([], { hops: loopHopsMax, visit })).toThrow('may pass 8 servers');
  });

  test('hops are counted over several headers, ours only', () => {
    expect(
      countLoopHops([['cdn-loop', 'terrafirma; hops=1,other'], loop, ['x', 'terrafirma']]),
    ).toBe(2);
    expect(countLoopHops([])).toBe(0);
  });
});

describe('headers of a reply', () => {
  test('raw pairs become lower-case names in order of arrival, hop-by-hop ones removed', () => {
    const raw = ['Set-Cookie', 'a', 'Connection', 'x-gone', 'X-Gone', '1', 'Set-Cookie', 'b'];
    expect(replyHeaders(raw)).toEqual([
      ['set-cookie', 'a'],
      ['set-cookie', 'b'],
    ]);
  });

  test('buffers are read as Latin-1', () => {
    expect(replyHeaders([Buffer.from('X'), Buffer.from([0xe9])])).toEqual([['x', '\xe9']]);
  });
});

describe('methods and targets', () => {
  test.each([
    ['get', 'GET'],
    ['POST', 'POST'],
    ['Purge', 'PURGE'],
  ])('%s is sent as %s', (given, sent) => {
    expect(parseMethod(given)).toBe(sent);
  });

  test.each(['', 'GET /', 'G\r\nT', 'CONNECT', 'trace', 'Track'])(
    'the method %j is refused',
    (method) => {
      expect(() => parseMethod(method)).toThrow('Cannot fetch: ');
    },
  );

  test.each([
    ['http://2130706433/', '127.0.0.1'],
    ['http://0x7f.1/', '127.0.0.1'],
    ['http://017700000001/', '127.0.0.1'],
    ['http://127.1/', '127.0.0.1'],
    ['http://１２７.0.0.1/', '127.0.0.1'],
    ['http://127.0.0.1./', '127.0.0.1'],
    ['http://[::FFFF:127.0.0.1]/', '[::ffff:7f00:1]'],
    ['http://EXAMPLE.com/', 'example.com'],
  ])('the host of %s is judged as %s', (text, hostName) => {
    expect(parseTarget(text).hostname).toBe(hostName);
  });

  test.each([
    '',
    '/relative',
    'http://',
    'http://[fe80::1%25eth0]/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'data:,x',
    'gopher://example.com/',
    'http://user@example.com/',
    'http://:secret@example.com/',
    'http://example.com:22/',
    'http://example.com:25/',
    'https://example.com:465/',
    'http://example.com:587/',
    'http://example.com:6667/',
    'http://example.com:0/',
    'http://example.com:65536/',
  ])('the URL %j is refused', (text) => {
    expect(() => parseTarget(text)).toThrow('Cannot fetch: ');
  });

  test('a refused password is not repeated', () => {
    expect(() => parseTarget('http://u:hunter2@example.com/')).toThrow(/^((?!hunter2).)*$/);
  });

  test('a fragment is not sent', () => {
    expect(parseTarget('http://example.com/a?b#c').href).toBe('http://example.com/a?b');
  });
});

describe('redirects', () => {
  const request: OutboundRequest = {
    method: 'POST',
    url: 'https://a.example/one?x',
    headers: [
      ['authorization', 'secret'],
      ['cookie', 'c'],
      ['host', 'b.example'],
      ['content-type', 'text/plain'],
      ['x', '1'],
    ],
    body: Uint8Array.of(1),
  };
  const to = (location: string, status = 302, method = 'POST'): OutboundRequest | undefined =>
    redirected({ ...request, method }, { status, headers: [['location', location]] });

  test.each([
    [301, 'POST', 'GET', 0],
    [302, 'PUT', 'GET', 0],
    [303, 'GET', 'GET', 0],
    [301, 'HEAD', 'HEAD', 0],
    [303, 'HEAD', 'HEAD', 0],
    [307, 'POST', 'POST', 1],
    [308, 'DELETE', 'DELETE', 1],
  ])('%i on %s continues as %s with a body of %i', (status, method, next, bodyBytes) => {
    const followed = to('/two', status, method);
    expect(followed).toMatchObject({ method: next, url: 'https://a.example/two' });
    expect(followed?.body).toHaveLength(bodyBytes);
    const hasType = followed?.headers.some(([name]) => name === 'content-type');
    expect(hasType).toBe(bodyBytes === 1);
  });

  test('the same origin keeps credentials and Host', () => {
    expect(to('two')?.headers.map(([name]) => name)).toEqual([
      'authorization',
      'cookie',
      'host',
      'x',
    ]);
  });

  test.each(['https://b.example/', '//b.example/', 'http://a.example/', 'https://a.example:444/'])(
    'another origin, %s, gets neither credentials nor Host',
    (location) => {
      expect(to(location)?.headers).toEqual([['x', '1']]);
      expect(to(location, 307)?.headers.map(([name]) => name)).toEqual(['content-type', 'x']);
    },
  );

  test.each(['ftp://a.example/', 'file:///etc/passwd', 'http://[', 'https://a.example:25/'])(
    'a redirect to %s is refused',
    (location) => {
      expect(() => to(location)).toThrow('Cannot fetch: ');
    },
  );

  test('a redirect status without Location, and other statuses, end the chain', () => {
    expect(redirected(request, { status: 302, headers: [] })).toBeUndefined();
    expect(to('/two', 304)).toBeUndefined();
    expect(to('/two', 200)).toBeUndefined();
  });
});
