import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon } from '../support/daemon.ts';
import { fastlyProgram } from '../support/fastly-guests.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const HELLO = `(call $answer (i32.const 203)) (call $header "X-From" "guest")
  (call $write "hello") (call $send (i32.const 0))`;
/** Copies the request's body into the answer's, piece by piece. */
const COPY = `(call $ask) (call $answer (i32.const 200)) (call $send (i32.const 1))
  (block $end (loop $more
    (drop (call $fastly_http_body.read (i32.load (i32.const 4))
      (i32.const 65536) (i32.const 65536) (i32.const 20)))
    (br_if $end (i32.eqz (i32.load (i32.const 20))))
    (call $write (i32.const 65536) (i32.load (i32.const 20)))
    (br $more)))
  (call $close)`;
/** Hands the request's body over as the answer's. */
const HAND_OVER = `(call $ask) (call $answer (i32.const 200))
  (i32.store (i32.const 12) (i32.load (i32.const 4))) (call $send (i32.const 0))`;
const PLACE = `(call $ask) (call $answer (i32.const 200))
  (drop (call $fastly_http_req.uri_get (i32.load (i32.const 0))
    (i32.const 65536) (i32.const 8192) (i32.const 20)))
  (call $write (i32.const 65536) (i32.load (i32.const 20)))
  (call $write " ") (i32.store (i32.const 20) (i32.const 0))
  (drop (call $fastly_http_req.header_value_get (i32.load (i32.const 0)) "x-forwarded-prefix"
    (i32.const 65536) (i32.const 8192) (i32.const 20)))
  (call $write (i32.const 65536) (i32.load (i32.const 20)))
  (call $send (i32.const 0))`;
const ENVIRONMENT = `(call $answer (i32.const 200))
  (drop (call $wasi.environ_sizes_get (i32.const 20) (i32.const 24)))
  (drop (call $wasi.environ_get (i32.const 32768) (i32.const 65536)))
  (call $write (i32.const 65536) (i32.load (i32.const 24)))
  (if (i32.eq (call $wasi.fd_prestat_get (i32.const 3) (i32.const 20)) (i32.const 8))
    (then (call $write "no files")))
  (call $send (i32.const 0))`;

const guests: Readonly<Record<string, string>> = {
  hello: HELLO,
  copy: COPY,
  'hand-over': HAND_OVER,
  place: PLACE,
  environment: ENVIRONMENT,
  files: ENVIRONMENT,
  nothing: '',
  exits: '(call $exit (i32.const 0))',
  fails: '(call $exit (i32.const 3))',
  traps: 'unreachable',
  'sends-and-traps': `${HELLO} unreachable`,
  breaks: `(call $answer (i32.const 200)) (call $write "begun") (call $send (i32.const 1))
    unreachable`,
  'never-ends': '(call $answer (i32.const 200)) (call $write "begun") (call $send (i32.const 1))',
  logs: `${HELLO} (call $log "after the answer\\nand more")
    (i32.store (i32.const 20) (i32.const 1024)) (i32.store (i32.const 24) (i32.const 4))
    (drop (call $wasi.fd_write (i32.const 1) (i32.const 20) (i32.const 1) (i32.const 16)))`,
  hints: `(call $answer (i32.const 103)) (call $header "Link" "</a.css>") (call $send (i32.const 0))
    ${HELLO}`,
  trailers: `(call $answer (i32.const 200)) (call $write "body") (call $trailer "X-Sum" "42")
    (call $send (i32.const 0))`,
  'late-trailers': `(call $answer (i32.const 200)) (call $send (i32.const 1)) (call $write "body")
    (call $trailer "X-Sum" "42") (call $close)`,
  spins: `${HELLO} (loop (br 0))`,
};

describe('a program for Fastly Compute behind the daemon', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    for (const [name, body] of Object.entries(guests)) {
      folder.write(`${name}.wasm`, await fastlyProgram(body));
    }
    folder.write('whole/index.wasm', await fastlyProgram(PLACE));
    folder.write(
      'terrafirma.toml',
      `[env]
      GREETING = "hello"
      FASTLY_POP = "OWN"
      ["files.wasm"]
      grants.files = ["/whole"]`,
    );
    daemon = await TestDaemon.start({ args: [folder.directory] });
    // On a busy machine the judging takes longer than a request waits.
    const published = [...Object.keys(guests), 'whole/index'].map((name) =>
      daemon.waitForLog(
        ({ event, modulePath }) => event === 'module-published' && modulePath === `${name}.wasm`,
      ),
    );
    await Promise.all(published);
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test('answers, each request from a fresh state', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { status, headers, text } = await ask(daemon.port, '/hello.wasm');
      expect([status, headers['x-from'], headers['content-length'], text]).toEqual([
        ...[203, 'guest', '5', 'hello'],
      ]);
    }
    expect((await ask(daemon.port, '/hello.wasm', { method: 'HEAD' })).text).toBe('');
  });

  test.each(['copy', 'hand-over'])('streams a body through (%s)', async (name) => {
    const body = Buffer.alloc(3 * 1024 * 1024, 'terrafirma ');
    const { status, body: echoed } = await ask(daemon.port, `/${name}.wasm`, {
      method: 'POST',
      body,
    });
    expect(status).toBe(200);
    expect(echoed.equals(body)).toBe(true);
  });

  test('answers before the body has come, and takes what comes later', async () => {
    const outgoing = request({ port: daemon.port, path: '/copy.wasm', method: 'POST' });
    outgoing.flushHeaders();
    const incoming = await new Promise<import('node:http').IncomingMessage>((resolve) =>
      outgoing.on('response', resolve),
    );
    expect(incoming.statusCode).toBe(200);
    const first = new Promise<Buffer>((resolve) => incoming.once('data', resolve));
    outgoing.write('one');
    expect(String(await first)).toBe('one');
    outgoing.end('two');
    const rest: Buffer[] = [];
    for await (const piece of incoming) rest.push(piece as Buffer);
    expect(String(Buffer.concat(rest))).toBe('two');
  });

  test.each([
    ['/place.wasm/users/1?x=2', '/users/1?x=2 /place.wasm'],
    ['/place.wasm', '/ /place.wasm'],
    ['/whole/users/1?x=2', '/whole/users/1?x=2 '],
    ['/whole/index.wasm/a', '/a /whole/index.wasm'],
  ])('asked for %s sees %s', async (path, expected) => {
    const { text } = await ask(daemon.port, path, { host: 'example.test' });
    expect(text).toBe(`http://example.test${expected}`);
  });

  test('has the variables of the vendor and of its owner, and no files', async () => {
    const { text } = await ask(daemon.port, '/environment.wasm', { host: 'example.test' });
    const variables = text.split('\0');
    expect(variables).toContain('GREETING=hello');
    expect(variables).toContain('FASTLY_HOSTNAME=localhost');
    expect(variables).toContain('FASTLY_POP=OWN');
    expect(variables).toContain('FASTLY_IS_STAGING=0');
    expect(text).toMatch(/FASTLY_TRACE_ID=[0-9a-f]{32}\0/);
    expect(variables.at(-1)).toBe('no files');
    expect((await ask(daemon.port, '/files.wasm')).text).not.toMatch(/no files/);
  });

  test.each([
    ['nothing', 200],
    ['exits', 200],
    ['fails', 500],
    ['traps', 500],
    ['sends-and-traps', 203],
  ])('that is %s answers %d', async (name, status) => {
    expect((await ask(daemon.port, `/${name}.wasm`)).status).toBe(status);
  });

  test.each(['breaks', 'never-ends'])('that %s leaves half an answer', async (name) => {
    await expect(ask(daemon.port, `/${name}.wasm`)).rejects.toThrow();
  });

  test('goes on after its answer, within its limits', async () => {
    expect((await ask(daemon.port, '/logs.wasm')).text).toBe('hello');
    for (const message of ['test :: after the answer', 'test :: and more', 'test']) {
      await daemon.waitForLog((line) => line.msg === message);
    }
    const spinning = await ask(daemon.port, '/spins.wasm');
    expect(spinning.text).toBe('hello');
    await daemon.waitForLog(
      (line) =>
        JSON.stringify(line).includes('spins.wasm') && /out-of-cpu/.test(JSON.stringify(line)),
    );
  });

  test('gives hints before its answer', async () => {
    const outgoing = request({ port: daemon.port, path: '/hints.wasm' });
    const hints: unknown[] = [];
    outgoing.on('information', ({ statusCode, headers }) => hints.push([statusCode, headers.link]));
    outgoing.end();
    const incoming = await new Promise<import('node:http').IncomingMessage>((resolve) =>
      outgoing.on('response', resolve),
    );
    incoming.resume();
    expect(hints).toEqual([[103, '</a.css>']]);
    expect(incoming.statusCode).toBe(203);
  });

  test.each(['trailers', 'late-trailers'])('sends %s', async (name) => {
    const outgoing = request({ port: daemon.port, path: `/${name}.wasm` });
    outgoing.end();
    const incoming = await new Promise<import('node:http').IncomingMessage>((resolve) =>
      outgoing.on('response', resolve),
    );
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(piece as Buffer);
    expect(String(Buffer.concat(pieces))).toBe('body');
    expect(incoming.trailers).toEqual({ 'x-sum': '42' });
  });
});
