import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { guestBytes, TestFolder } from '../support/folder.ts';
import { ask, sendRaw } from '../support/http.ts';
import {
  counterGuest,
  echoGuest,
  environmentGuest,
  puppetGuest,
} from '../support/websocket-guests.ts';

const MESSAGE_BYTES_MAX = 20_000;
const QUEUED_BYTES_MAX = 30_000;
const CONNECTIONS_MAX = 4;
const HANDSHAKE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

/** A client that notes what it is told. */
class Client {
  readonly socket: WebSocket;
  readonly texts: string[] = [];
  readonly kinds = new Set<'text' | 'binary'>();
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly opened: Promise<number>;

  constructor(port: number, path: string, options: ClientOptions & { protocol?: string } = {}) {
    const { protocol, ...rest } = options;
    const url = `ws://127.0.0.1:${port}${path}`;
    this.socket = protocol ? new WebSocket(url, protocol, rest) : new WebSocket(url, rest);
    this.socket.on('message', (data, isBinary) => {
      this.texts.push(String(data));
      this.kinds.add(isBinary ? 'binary' : 'text');
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
    this.opened = new Promise((resolve) => {
      this.socket.on('open', () => resolve(101));
      this.socket.on('unexpected-response', (_request, response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
    });
    this.socket.on('error', () => undefined);
  }

  /** Opens, sends `messages`. */
  async say(...messages: (string | Buffer)[]): Promise<void> {
    await this.opened;
    for (const message of messages) this.socket.send(message);
  }

  waitForTexts(count: number): Promise<readonly string[]> {
    return waitFor(() => (this.texts.length >= count ? this.texts : undefined));
  }
}

describe('a WebSocket to a WASI program', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;
  const open = (path: string, options?: ClientOptions & { protocol?: string }) =>
    new Client(daemon.port, path, options);
  const logOf = (path: string, code?: string) =>
    daemon.waitForLog(
      (line) => line.path === path && line.status === 101 && (!code || line.errorCode === code),
    );

  beforeAll(async () => {
    folder.write('echo.wasm', await echoGuest());
    folder.write('frames.wasm', await echoGuest());
    folder.write('off.wasm', await echoGuest());
    folder.write('counter.wasm', await counterGuest());
    folder.write('environment.wasm', await environmentGuest());
    for (const name of ['puppet', 'stuck', 'late', 'spinner', 'gone', 'reader', 'stopping']) {
      folder.write(`${name}.wasm`, await puppetGuest());
    }
    folder.write('page.html', 'a page');
    folder.write('hello.wasm', guestBytes('hello'));
    folder.write(
      'terrafirma.toml',
      '["frames.wasm"]\nwebsocket = "frames"\n["off.wasm"]\nwebsocket = "off"\n',
    );
    daemon = await TestDaemon.start({
      args: [folder.directory],
      threads: 1,
      env: {
        TERRAFIRMA_LIMITS_WEBSOCKET_MESSAGE_BYTES_MAX: String(MESSAGE_BYTES_MAX),
        TERRAFIRMA_LIMITS_WEBSOCKET_QUEUED_BYTES_MAX: String(QUEUED_BYTES_MAX),
        TERRAFIRMA_LIMITS_WEBSOCKET_CONNECTIONS_PER_SITE_MAX: String(CONNECTIONS_MAX),
        TERRAFIRMA_LIMITS_WEBSOCKET_CPU_MS_MAX: '400',
        TERRAFIRMA_LIMITS_WEBSOCKET_GRACE_MS: '300',
        TERRAFIRMA_LIMITS_WEBSOCKET_PING_MS: '2000',
        // A request may have no time at all: a WebSocket has its own limits.
        TERRAFIRMA_LIMITS_WALL_MS_MAX: '200',
        TERRAFIRMA_LIMITS_RUNS_PER_SITE_MAX: '1',
      },
    });
    await waitFor(async () => {
      const reply = await ask(daemon.port, '/environment.wasm');
      return reply.status === 503 ? undefined : reply;
    });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test('sends each text message as a line and each line as a text message', async () => {
    const client = open('/echo.wasm');
    await client.say('one', '', 'grüße');
    expect(await client.waitForTexts(3)).toEqual(['one', '', 'grüße']);
    expect([...client.kinds]).toEqual(['text']);
    client.socket.close();
    await client.closed;
    const line = await logOf('/echo.wasm');
    expect(line).toMatchObject({ outcome: 'replied', bytesReceived: 10, bytesSent: 10 });
  });

  test('sends binary messages with their length in frames', async () => {
    const client = open('/frames.wasm');
    await client.say(Buffer.from('a\nb'), Buffer.alloc(0), 'text');
    expect(await client.waitForTexts(3)).toEqual(['a\nb', '', 'text']);
    expect([...client.kinds]).toEqual(['binary']);
    client.socket.close();
    await client.closed;
  });

  test('keeps one guest a connection, for longer than a request may last', async () => {
    const [first, second] = [open('/counter.wasm'), open('/counter.wasm')];
    await first.say('a', 'b');
    await second.say('a');
    expect(await first.waitForTexts(2)).toEqual(['1', '2']);
    await new Promise((resolve) => setTimeout(resolve, 600));
    await first.say('c');
    expect(await first.waitForTexts(3)).toEqual(['1', '2', '3']);
    expect(await second.waitForTexts(1)).toEqual(['1']);
    // They hold no seat of the site, which has one.
    expect((await ask(daemon.port, '/environment.wasm')).status).toBe(500);
    for (const client of [first, second]) client.socket.close();
    await Promise.all([first.closed, second.closed]);
  });

  test('tells the program of the request, and answers with the first subprotocol', async () => {
    const client = open('/environment.wasm/room?x=1', {
      origin: 'https://other.test',
      protocol: 'chat',
    });
    expect(await client.closed).toEqual({ code: 1000, reason: '' });
    expect(client.texts).toEqual(
      expect.arrayContaining([
        'HTTP_UPGRADE=websocket',
        'HTTP_CONNECTION=Upgrade',
        'HTTP_ORIGIN=https://other.test',
        'HTTP_SEC_WEBSOCKET_PROTOCOL=chat',
        'PATH_INFO=/room',
        'QUERY_STRING=x=1',
        'REQUEST_METHOD=GET',
      ]),
    );
    expect(client.socket.protocol).toBe('chat');
    expect(client.socket.extensions).toBe('');
    expect(client.texts.some((text) => text.startsWith('CONTENT_LENGTH'))).toBe(false);
  });

  test.each([
    ['x', 1000, [], undefined],
    ['p', 1000, ['done'], undefined],
    ['o', 4001, [], undefined],
    ['7', 1011, [], 'guest-exited'],
    ['t', 1011, [], 'guest-trapped'],
    ['s', 1008, [], 'guest-out-of-cpu'],
    ['l', 1011, [], 'reply-too-large'],
  ])('a program that ends by %j closes with %i', async (letter, code, texts, errorCode) => {
    const client = open(`/puppet.wasm/${letter}`);
    await client.say(letter);
    expect((await client.closed).code).toBe(code);
    expect(client.texts).toEqual(texts);
    const line = await logOf(`/puppet.wasm/${letter}`);
    expect(line.errorCode).toBe(errorCode);
  });

  test('has the CPU budget anew for every message', async () => {
    const client = open('/spinner.wasm');
    // Each takes a few milliseconds: together more than one may have, on a fast machine too.
    const count = 150;
    await client.say(...Array.from({ length: count }, () => 'b'), 'x');
    expect((await client.closed).code).toBe(1000);
    expect(client.texts.length).toBe(count);
    const { cpuUs } = await logOf('/spinner.wasm');
    expect(Number(cpuUs)).toBeGreaterThan(400_000);
  });

  test('refuses a message above the limit with 1009', async () => {
    const client = open('/echo.wasm/large');
    await client.say('x'.repeat(MESSAGE_BYTES_MAX), 'y'.repeat(MESSAGE_BYTES_MAX + 1));
    expect((await client.closed).code).toBe(1009);
    await logOf('/echo.wasm/large');
  });

  test('refuses a binary message to a program of lines with 1003', async () => {
    const client = open('/echo.wasm/binary');
    await client.say(Buffer.from('x'));
    expect((await client.closed).code).toBe(1003);
  });

  test('lets a site have so many connections and no more', async () => {
    await waitFor(() => {
      const ended = daemon.log.filter(({ status }) => status === 101).length;
      return ended >= 14 ? ended : undefined;
    });
    const clients = Array.from({ length: CONNECTIONS_MAX }, () => open('/echo.wasm/count'));
    expect(await Promise.all(clients.map(({ opened }) => opened))).toEqual([101, 101, 101, 101]);
    expect(await open('/echo.wasm/count').opened).toBe(503);
    clients[0]?.socket.close();
    await clients[0]?.closed;
    await logOf('/echo.wasm/count');
    const next = open('/echo.wasm/count');
    expect(await next.opened).toBe(101);
    for (const { socket } of [...clients, next]) socket.close();
    await Promise.all([...clients, next].map(({ closed }) => closed));
  });

  test('ends a guest that goes on after its client has gone', async () => {
    const client = open('/gone.wasm');
    await client.opened;
    client.socket.close();
    await client.closed;
    const line = await logOf('/gone.wasm');
    expect(line).toMatchObject({ outcome: 'abandoned', errorCode: 'client-gone' });
  });

  test('holds up a client whose guest does not read', async () => {
    const client = open('/stuck.wasm');
    await client.say('q');
    const chunk = 'x'.repeat(1_000);
    for (let sent = 0; sent < 16_000; sent += 1) client.socket.send(chunk);
    // What the system's buffers take is a few megabytes; the rest stays with the client.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(client.socket.bufferedAmount).toBeGreaterThan(1_000_000);
    client.socket.terminate();
    const line = await waitFor(() => daemon.log.find(({ path }) => path === '/stuck.wasm'));
    expect(Number(line.bytesReceived)).toBeLessThan(16_000_000);
  });

  test('holds up a guest whose client does not read', async () => {
    const client = open('/reader.wasm');
    await client.opened;
    client.socket.pause();
    client.socket.send('f');
    // Its neighbours are served, and it does not use up its CPU time: it waits.
    await new Promise((resolve) => setTimeout(resolve, 800));
    const other = open('/counter.wasm/beside');
    await other.say('a');
    expect(await other.waitForTexts(1)).toEqual(['1']);
    expect(daemon.log.some(({ path }) => path === '/reader.wasm')).toBe(false);
    client.socket.terminate();
    other.socket.close();
    const line = await logOf('/reader.wasm');
    expect(Number(line.cpuUs)).toBeGreaterThan(0);
  });

  test.each([
    ['/page.html', 404],
    ['/hello.wasm', 404],
    ['/off.wasm', 404],
    ['/nothing.wasm', 404],
  ])('%s has no WebSocket: %i', async (path, status) => {
    expect(await open(path).opened).toBe(status);
  });

  test.each([
    ['POST', {}, 400],
    ['GET', { 'sec-websocket-key': 'short' }, 400],
    ['GET', { 'sec-websocket-version': '8' }, 426],
    ['GET', { 'sec-websocket-protocol': 'a, a' }, 400],
    ['GET', { 'content-length': '1' }, 400],
  ])('a bad handshake is refused: %s %j %i', async (method, headers, status) => {
    const lines = Object.entries({ host: 'a', ...HANDSHAKE, ...headers });
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const text = await sendRaw(daemon.port, `${method} /echo.wasm HTTP/1.1\r\n${head}\r\nx`);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text.toLowerCase()).toContain('connection: close');
    expect(text.toLowerCase()).toContain('x-request-id: ');
    if (status === 426) expect(text.toLowerCase()).toContain('sec-websocket-version: 13');
  });

  test('serves a request that asks for another upgrade as if it did not', async () => {
    const headers = { connection: 'Upgrade', upgrade: 'h2c' };
    const reply = await ask(daemon.port, '/page.html', { headers });
    expect([reply.status, reply.text]).toEqual([200, 'a page']);
  });

  test.each([
    ['GET', ''],
    ['POST', 'content-length: 5\r\n'],
  ])('serves nothing behind it on its connection: %s', async (method, length) => {
    const upgrade = 'connection: Upgrade\r\nupgrade: h2c\r\n';
    const first = `${method} /page.html HTTP/1.1\r\nhost: a\r\n${upgrade}${length}\r\n`;
    const body = length === '' ? '' : 'bytes';
    const behind = 'GET /page.html HTTP/1.1\r\nhost: a\r\n\r\n';
    // Node loses the rest of what it read with the first: then the middle of a request follows.
    const text = await sendRaw(daemon.port, first + body + behind.repeat(2));
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(text.toLowerCase()).toContain('connection: close');
  });

  test('breaks off an upgrade behind a request that is not answered yet', async () => {
    const lines = Object.entries({ host: 'a', ...HANDSHAKE });
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const first = 'GET /page.html HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n';
    const text = await sendRaw(daemon.port, `${first}GET /echo.wasm HTTP/1.1\r\n${head}\r\n`);
    expect(text).not.toContain('101 Switching');
  });

  // Without its limit, only a reply's time-out of 30 s would end this.
  test('cuts a client off that sends pings and reads no pongs', async () => {
    const lines = Object.entries({ host: 'a', ...HANDSHAKE });
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const socket = connect({ host: '127.0.0.1', port: daemon.port });
    const ping = Buffer.concat([Buffer.from([0x89, 0xfd, 0, 0, 0, 0]), Buffer.alloc(125)]);
    const pings = Buffer.concat(Array.from({ length: 500 }, () => ping));
    socket.on('error', () => undefined);
    socket.write(`GET /echo.wasm/flood HTTP/1.1\r\n${head}\r\n`);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    const pour = (): void => {
      if (!socket.destroyed) socket.write(pings, () => setImmediate(pour));
    };
    pour();
    await closed;
    expect(await daemon.waitForLog((line) => line.path === '/echo.wasm/flood')).toBeDefined();
  });

  test('says goodbye with 1001 when the daemon stops, and ends', async () => {
    const [polite, deaf] = [open('/echo.wasm/stop'), open('/stopping.wasm')];
    await Promise.all([polite.opened, deaf.opened]);
    const stopped = daemon.stop();
    expect((await polite.closed).code).toBe(1001);
    expect((await deaf.closed).code).toBe(1001);
    expect(await stopped).toEqual({ code: 0, signal: null });
    expect(daemon.log.find(({ path }) => path === '/echo.wasm/stop')).toMatchObject({
      outcome: 'replied',
    });
  });
});

describe('a WebSocket whose other side is silent', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder.write('echo.wasm', await echoGuest());
    daemon = await TestDaemon.start({
      args: [folder.directory],
      threads: 1,
      env: {
        TERRAFIRMA_LIMITS_WEBSOCKET_IDLE_MS: '1500',
        TERRAFIRMA_LIMITS_WEBSOCKET_PING_MS: '400',
      },
    });
    await waitFor(async () => {
      const reply = await ask(daemon.port, '/echo.wasm');
      return reply.status === 503 ? undefined : reply;
    });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test('is closed with 1001 after the idle limit, although it answers pings', async () => {
    const client = new Client(daemon.port, '/echo.wasm/idle');
    let pings = 0;
    client.socket.on('ping', () => {
      pings += 1;
    });
    const { code, reason } = await client.closed;
    expect([code, reason]).toEqual([1001, 'no message for 1500 ms']);
    expect(pings).toBeGreaterThan(0);
  });

  test('is cut off when it answers no ping', async () => {
    const client = new Client(daemon.port, '/echo.wasm/deaf', { autoPong: false });
    expect((await client.closed).code).toBe(1006);
  });
});
