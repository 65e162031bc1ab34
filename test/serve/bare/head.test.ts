/** Heads that are read without node's parser: never otherwise than it reads them. */
import {
  createServer,
  type IncomingMessage,
  METHODS as METHODS_OF_NODE,
  type ServerResponse,
} from 'node:http';
import { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { type BareHead, BareHeads } from '../../../src/serve/bare/head.ts';
import { Random } from '../../wasm/fuzz/random.ts';

const HEADER_BYTES_MAX = 32 * 1024;
const GET = 'GET / HTTP/1.1\r\nHost: site.test\r\n\r\n';
const BROWSERS = [
  'GET /a/b.html?q=%20x HTTP/1.1',
  'Host: site.test:8080',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
  'Accept-Language: de,en-US;q=0.7',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Connection: keep-alive',
  'Cookie: a=b; c="d e"',
  'Sec-Fetch-Mode: navigate',
  'X-Empty:',
  'X-Spaces: \t a \t b \t ',
  'X-Upper: \u00e4\u00ff',
  '',
  '',
].join('\r\n');

function read(text: string): BareHead | undefined {
  return new BareHeads(HEADER_BYTES_MAX).read(Buffer.from(text, 'latin1'));
}

/** With a line in the head. */
function withLine(line: string): string {
  return `GET / HTTP/1.1\r\nHost: x\r\n${line}\r\n\r\n`;
}

describe('BareHeads', () => {
  test('reads what a browser asks, names and values as they stood', () => {
    const head = read(`${BROWSERS}more`);
    expect(head).toMatchObject({
      ...{ method: 'GET', url: '/a/b.html?q=%20x', httpVersion: '1.1' },
      end: BROWSERS.length,
    });
    expect(head?.rawHeaders.slice(0, 2)).toEqual(['Host', 'site.test:8080']);
    expect(head?.rawHeaders.slice(-6)).toEqual([
      ...['X-Empty', '', 'X-Spaces', 'a \t b', 'X-Upper', '\u00e4\u00ff'],
    ]);
  });

  test.each(['GET', 'HEAD', 'OPTIONS', 'DELETE'])('reads %s', (method) => {
    expect(read(GET.replace('GET', method))?.method).toBe(method);
  });

  test.each([
    ['another method', GET.replace('GET', 'POST')],
    ['a method of HTTP/2', GET.replace('GET', 'PRI')],
    ['no method', GET.replace('GET', '')],
    ['a method that is no token', GET.replace('GET', 'GE(T')],
    ['a long method', GET.replace('GET', 'a'.repeat(129))],
    ['an unknown method and a body', withLine('Content-Length: 1').replace('GET', 'get')],
    ['an unknown method and a coding', withLine('Transfer-Encoding: a').replace('GET', 'get')],
    [
      'an unknown method and two lengths',
      withLine('Content-Length: 0\r\nContent-Length: 0').replace('GET', 'get'),
    ],
    ['an unknown method and a long zero', withLine('Content-Length: 00').replace('GET', 'get')],
    ['an unknown method and no path', GET.replace('GET /', 'get *')],
    ['CONNECT', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a whole address', GET.replace('/ ', 'http://x/ ')],
    ['no path', GET.replace('/ ', '* ')],
    ['two spaces', GET.replace('/ ', '/  ')],
    ['a fragment', GET.replace('/ ', '/#a ')],
    ['a byte above ASCII in the target', GET.replace('/ ', '/\u00e4 ')],
    ['HTTP/1.0', GET.replace('1.1', '1.0')],
    ['HTTP/2.0', GET.replace('1.1', '2.0')],
    ['another protocol', GET.replace('HTTP', 'HTTq')],
    ['lines before it', `\r\n${GET}`],
    ['a line that ends without CR', GET.replace('\r\nHost', '\nHost')],
    ['a line that ends without LF', GET.replace('\r\nHost', '\rHost')],
    ['an end without CR', GET.replace('\r\n\r\n', '\r\n\n')],
    ['an end without LF', GET.replace('\r\n\r\n', '\r\n\r')],
    ['no name', withLine(': a')],
    ['no colon', withLine('a')],
    ['a space before the colon', withLine('a : b')],
    ['a space before the name', withLine(' a: b')],
    ['a folded value', withLine('a: b\r\n c')],
    ['a NUL', withLine('a: b\0c')],
    ['DEL', withLine('a: b\x7fc')],
    ['a CR in a value', withLine('a: b\rc')],
    ['no name that is one', withLine('a(b): c')],
    ['a body', withLine('Content-Length: 1')],
    ['a length of none', withLine('content-length: 0')],
    ['a coding', withLine('TRANSFER-ENCODING: identity')],
    ['trailers', withLine('Trailer: a')],
    ['wishes for trailers', withLine('TE: trailers')],
    ['an expectation', withLine('Expect: 100-continue')],
    ['an upgrade', withLine('Upgrade: websocket')],
    ['an upgrade to HTTP/2', withLine('HTTP2-Settings: a')],
    ['the end of the connection', withLine('Connection: close')],
    ['a field of the connection', withLine('Connection: keep-alive, x-a')],
    ['a word about a proxy', withLine('Proxy-Connection: keep-alive')],
    ['a word about the time', withLine('Keep-Alive: 5')],
    ['many fields', withLine('a: b\r\n'.repeat(100).trimEnd())],
    ['a long head', withLine(`a: ${'b'.repeat(9_000)}`)],
    ['a long target', GET.replace('/', `/${'a'.repeat(9_000)}`)],
  ])('leaves to node: %s', (_what, text) => {
    expect(read(text)).toBeUndefined();
  });

  test.each(['get', 'GeT', 'HELLO', "!#$%&'*+-.^_`|~9", 'a'.repeat(128)])(
    'reads %s, which node does not know',
    (method) => {
      const text = GET.replace('GET', () => method);
      const head = read(text);
      expect(head).toMatchObject({ method, url: '/', end: text.length });
      expect(head?.rawHeaders).toEqual(['Host', 'site.test']);
    },
  );

  test('reads an unknown method that says that it has no body', () => {
    const text = withLine('Content-Length: 0').replace('GET', 'get');
    expect(read(text)?.rawHeaders).toEqual(['Host', 'x', 'Content-Length', '0']);
  });

  test.each(METHODS_OF_NODE.filter((name) => !/^(?:GET|HEAD|OPTIONS|DELETE)$/.test(name)))(
    'leaves %s to node, which knows it',
    (method) => expect(read(GET.replace('GET', method))).toBeUndefined(),
  );

  test('waits for the rest of a head that node would refuse, and of no other', () => {
    const heads = new BareHeads(HEADER_BYTES_MAX);
    const waits = (text: string): boolean => heads.isWorthWaiting(Buffer.from(text, 'latin1'));
    const whole = GET.replace('GET', 'HELLO');
    for (let end = 0; end < whole.length; end += 1) {
      expect(waits(whole.slice(0, end)), `${end}`).toBe(end >= 'HELLO /'.length);
      expect(waits(GET.slice(0, end)), `${end}`).toBe(false);
    }
    expect(waits(whole)).toBe(false);
    expect(waits(`HELLO /${'a'.repeat(8 * 1024)}`)).toBe(false);
    expect(waits('HELLO http://x/')).toBe(false);
    expect(waits('\x16\x03\x01\x02\0\x01 /')).toBe(false);
  });

  test('leaves to node what is not all there', () => {
    for (let end = 0; end < BROWSERS.length; end += 1) {
      expect(read(BROWSERS.slice(0, end)), `${end}`).toBeUndefined();
    }
  });

  test('takes no head that node would find too large', () => {
    expect(new BareHeads(GET.length).read(Buffer.from(GET))).toBeDefined();
    expect(new BareHeads(GET.length - 1).read(Buffer.from(GET))).toBeUndefined();
  });
});

interface Read {
  readonly requests: readonly (readonly [string, string, readonly string[]])[];
  readonly isRefused: boolean;
}

/** What node's server makes of bytes that come on a connection. */
function readByNode(bytes: Buffer): Promise<Read> {
  const requests: [string, string, string[]][] = [];
  const answer = (incoming: IncomingMessage, response: ServerResponse): void => {
    requests.push([incoming.method ?? '', incoming.url ?? '', incoming.rawHeaders]);
    incoming.resume();
    response.end();
  };
  const options = { maxHeaderSize: HEADER_BYTES_MAX, requireHostHeader: false };
  const server = createServer(options, answer);
  server.on('checkContinue', answer);
  server.on('checkExpectation', answer);
  let isRefused = false;
  server.on('clientError', () => {
    isRefused = true;
  });
  const connection = new Duplex({
    read: () => undefined,
    write: (_chunk, _encoding, callback) => callback(),
  });
  server.emit('connection', connection);
  connection.push(bytes);
  return new Promise((resolve) => {
    setImmediate(() => setImmediate(() => resolve({ requests, isRefused })));
  });
}

interface BareRead {
  readonly requests: Read['requests'];
  /** What is behind them. */
  readonly rest: Buffer;
  /** All of it as node can read it: with GET for each method that it does not know. */
  readonly forNode: Buffer;
}

/** The bare requests that the bytes begin with; of a method that node does not know it says GET. */
function readBarely(bytes: Buffer): BareRead {
  const heads = new BareHeads(HEADER_BYTES_MAX);
  const requests: [string, string, readonly string[]][] = [];
  const known: Buffer[] = [];
  let rest = bytes;
  for (;;) {
    const head = rest.length === 0 ? undefined : heads.read(rest);
    if (head === undefined) return { requests, rest, forNode: Buffer.concat([...known, rest]) };
    const method = METHODS_OF_NODE.includes(head.method) ? head.method : 'GET';
    requests.push([method, head.url, head.rawHeaders]);
    known.push(Buffer.from(method), rest.subarray(head.method.length, head.end));
    rest = rest.subarray(head.end);
  }
}

const NAMES = [
  ...Array(20).fill('Host'),
  ...['Accept', 'cookie', 'X-A', "a!#$%&'*+-.^_`|~9", 'Connection', 'connection', 'TE'],
  ...[
    'Content-Length',
    'Transfer-Encoding',
    'Expect',
    'Upgrade',
    'Keep-Alive',
    'Referer',
    'Trailer',
  ],
];
const VALUES = [
  ...['', 'x', 'keep-alive', 'Keep-Alive', 'close', 'a b\tc', '\u00e4\u00ff', 'chunked', '0', '3'],
  ...['100-continue', 'trailers', ' \t x \t ', 'http://a/b?c#d', 'a, b;q=0.1', '"\\"'],
];
const TARGETS = [
  ...Array(5).fill('/a'),
  '/',
  '/a?b=c',
  '/%00',
  '/{}|\\^"<>`',
  '//a',
  '/a#b',
  '*',
  'http://x/',
  '/\u00e4',
  '?',
];
const METHODS = [
  ...Array(9).fill('GET'),
  'HEAD',
  'OPTIONS',
  'DELETE',
  'POST',
  'get',
  'GETT',
  'PRI',
];
const VERSIONS = [...Array(12).fill('HTTP/1.1'), 'HTTP/1.0', 'HTTP/2.0', 'http/1.1'];
const SPICE = [
  '\r',
  '\n',
  '\r\n',
  ' ',
  '\t',
  ':',
  '\0',
  '\x7f',
  '\x0b',
  '\x80',
  'A',
  '/',
  '0',
  ',',
];

describe('what is read is what node reads', () => {
  test.each([1, 2, 3, 4])('of heads at random, seed %d', async (seed) => {
    const random = new Random(seed);
    const oneHead = (): string => {
      const lines = Array.from({ length: random.below(5) }, () => {
        return `${random.pick(NAMES)}:${random.chance(80) ? ' ' : ''}${random.pick(VALUES)}\r\n`;
      });
      const first = `${random.pick(METHODS)} ${random.pick(TARGETS)} ${random.pick(VERSIONS)}`;
      return `${first}\r\n${lines.join('')}\r\n`;
    };
    const spoil = (text: string): string => {
      const at = random.below(text.length);
      const until = at + random.below(3);
      return text.slice(0, at) + (random.chance(80) ? random.pick(SPICE) : '') + text.slice(until);
    };
    let taken = 0;
    for (let round = 0; round < 2_000; round += 1) {
      let text = Array.from({ length: 1 + random.below(3) }, oneHead).join('');
      for (let left = random.below(3); left > 0; left -= 1) text = spoil(text);
      const bytes = Buffer.from(text, 'latin1');
      const ours = readBarely(bytes);
      taken += ours.requests.length;
      if (ours.requests.length === 0) continue;
      const [whole, rest] = await Promise.all([readByNode(ours.forNode), readByNode(ours.rest)]);
      const what = JSON.stringify(text);
      expect([...ours.requests, ...rest.requests], what).toEqual(whole.requests);
      expect(rest.isRefused, what).toBe(whole.isRefused);
    }
    expect(taken).toBeGreaterThan(300);
  });

  test('of every byte at every place of a head', async () => {
    const text = 'GET /a HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n';
    for (let at = 0; at < text.length; at += 1) {
      for (let byte = 0; byte < 256; byte += 1) {
        const bytes = Buffer.from(text, 'latin1');
        bytes[at] = byte;
        const ours = readBarely(bytes);
        if (ours.requests.length === 0) continue;
        expect(ours.rest.length).toBe(0);
        const whole = await readByNode(ours.forNode);
        expect(whole, `${at} ${byte}`).toEqual({ requests: ours.requests, isRefused: false });
      }
    }
  });
});
