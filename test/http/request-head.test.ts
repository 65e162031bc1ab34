import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { readRequestHead } from '../../src/http/request-head.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const CONTEXT = { id: 'id', scheme: 'http', clientAddress: '192.0.2.1', clientPort: 1 } as const;
const LIMITS = { targetBytesMax: 100, headersMax: 5 };

function read(url: string, rawHeaders: readonly string[] = ['Host', 'a.example'], version = '1.1') {
  return readRequestHead({ method: 'GET', url, httpVersion: version, rawHeaders }, CONTEXT, LIMITS);
}

describe('readRequestHead()', () => {
  test('keeps the target as it was and splits off the query', () => {
    expect(read('/a%20b?x=1?y')).toMatchObject({ target: '/a%20b?x=1?y', query: 'x=1?y' });
  });

  test('lowers names, keeps order and duplicates of headers', () => {
    expect(read('/', ['Host', 'h', 'X-A', '1', 'x-a', '2']).headers).toEqual([
      ['host', 'h'],
      ['x-a', '1'],
      ['x-a', '2'],
    ]);
  });

  test('drops what only a proxy that is trusted may say', () => {
    const claimed = ['Host', 'h', 'X-Forwarded-Prefix', '/evil', 'X-Real-IP', '192.0.2.9'];
    expect(read('/', claimed).headers).toEqual([['host', 'h']]);
    const raw = { method: 'GET', url: '/', httpVersion: '1.1', rawHeaders: claimed };
    const trusting = { ...LIMITS, keepsForwarded: true };
    expect(readRequestHead(raw, CONTEXT, trusting).headers).toHaveLength(3);
  });

  test('drops hop-by-hop headers and those that Connection names', () => {
    const { headers } = read('/', [
      'Host',
      'h',
      'Connection',
      'X-Mine, host',
      'x-mine',
      '1',
      'TE',
      'x',
    ]);
    expect(headers).toEqual([['host', 'h']]);
  });

  test.each([
    ['GET without Host', '/', [], 'bad-host'],
    ['absolute form without Host', 'http://a.example/', [], 'bad-host'],
    ['absolute form without a host', 'http:///x', ['Host', 'a'], 'bad-host'],
    ['absolute form with user info', 'http://u:p@a/', ['Host', 'a'], 'bad-host'],
    ['absolute form beside a bad Host', 'http://a/', ['Host', 'a b'], 'bad-host'],
    ['an empty Host', '/', ['Host', ''], 'bad-host'],
    ['user info', '/', ['Host', 'u:p@a'], 'bad-host'],
    ['a path in Host', '/', ['Host', 'a/x'], 'bad-host'],
    ['markup in Host', '/', ['Host', 'a"><script>'], 'bad-host'],
    ['an entity in Host', '/', ['Host', 'a&lt;'], 'bad-host'],
    ['a list of Hosts', '/', ['Host', 'a, b'], 'bad-host'],
    ['a port that is none', '/', ['Host', 'a:b'], 'bad-host'],
    ['a port past the last', '/', ['Host', 'a:65536'], 'bad-host'],
    ['a port past the last in a name of any script', '/', ['Host', 'a~:99999'], 'bad-host'],
    ['half an address', '/', ['Host', '[::1'], 'bad-host'],
    ['what only looks like an address', '/', ['Host', '[::::::.]'], 'bad-host'],
    ['a short address in brackets', '/', ['Host', '[127.0.0.1]'], 'bad-host'],
    ['an absolute form with such an address', 'http://[1:2]/', ['Host', 'a'], 'bad-host'],
    ['dots alone', '/', ['Host', '...'], 'bad-host'],
    ['dots and a port', '/', ['Host', '.:80'], 'bad-host'],
    ['a turned name', '/', ['Host', Buffer.from('a\u202eb').toString('latin1')], 'bad-host'],
    ['two Hosts', '/', ['Host', 'a', 'host', 'a'], 'bad-host'],
    ['asterisk form', '*', ['Host', 'a'], 'bad-request'],
    ['authority form', 'a.example:80', ['Host', 'a'], 'bad-request'],
    ['another scheme', 'ftp://a.example/', ['Host', 'a'], 'bad-request'],
    ['a long target', `/${'x'.repeat(100)}`, ['Host', 'a'], 'uri-too-long'],
    ['many headers', '/', Array.from({ length: 12 }, () => 'x'), 'headers-too-large'],
  ])('refuses %s', (_what, url, rawHeaders, code) => {
    expect(() => read(url, rawHeaders)).toThrowError(expect.objectContaining({ code }));
  });

  test('takes the longest target and the most headers', () => {
    expect(read(`/${'x'.repeat(99)}`).target).toHaveLength(100);
    const five = ['Host', 'h', 'a', '1', 'b', '1', 'c', '1', 'd', '1'];
    expect(read('/', five).headers).toHaveLength(5);
  });

  test.each([
    'a',
    'my_app:8080',
    'a.example.',
    'a:',
    '127.0.0.1:80',
    '[::1]:65535',
    '[fe80::1]',
    'a~b:',
    '[::ffff:127.0.0.1]',
  ])('takes %s for a host', (authority) => {
    expect(read('/', ['Host', authority]).authority).toBe(authority);
  });

  test('lets HTTP/1.0 do without Host', () => {
    expect(read('/', [], '1.0').authority).toBe('');
    expect(() => read('/', ['Host', ''], '1.0')).toThrowError(
      expect.objectContaining({ code: 'bad-host' }),
    );
  });

  test('lets the authority of an absolute target win, whatever its case', () => {
    expect(read('HTTP://b.example:81/x?q', ['Host', 'a.example'])).toMatchObject({
      authority: 'b.example:81',
      target: '/x?q',
    });
    expect(read('http://b.example?q', ['Host', 'b.example'])).toMatchObject({
      authority: 'b.example',
      target: '/?q',
    });
  });

  test('keeps of an absolute target no more than its parts', () => {
    const heads = (from: number) =>
      Array.from({ length: 500 }, (_, index) => {
        const url = `http://name-${from + index}.example/x?${'y'.repeat(60_000)}`;
        const raw = { method: 'GET', url, httpVersion: '1.1', rawHeaders: ['Host', 'a.example'] };
        return readRequestHead(raw, CONTEXT, { ...LIMITS, targetBytesMax: 65_536 }).authority;
      });
    heads(0);
    collectGarbage();
    const before = getHeapStatistics().used_heap_size;
    const authorities = heads(1_000);
    collectGarbage();
    const bytes = getHeapStatistics().used_heap_size - before;
    expect(authorities[499]).toBe('name-1499.example');
    // With their targets they would be 30 MB.
    expect(bytes).toBeLessThan(6_000_000);
  });

  test('reads the raw bytes of an authority as UTF-8, which is what browsers do', () => {
    const bytes = Buffer.from('bücher.example').toString('latin1');
    expect(read('/', ['Host', bytes]).authority).toBe('bücher.example');
    expect(read(`http://${bytes}/`).authority).toBe('bücher.example');
    for (const bad of ['b\xfccher.example', '\xc3', '\xed\xa0\x80.example']) {
      expect(() => read('/', ['Host', bad])).toThrowError(
        expect.objectContaining({ code: 'bad-host' }),
      );
    }
  });
});
