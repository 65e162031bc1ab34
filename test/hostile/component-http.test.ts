/** Requests and answers of components that break the rules of HTTP, or lie. */
import { describe, expect, test } from 'vitest';
import { Engine } from '../engine/world.ts';
import { callingGuest, data } from '../support/component-calls.ts';

const http = 'wasi:http/types@0.2.0';
const streams = 'wasi:io/streams@0.2.0';

const calls = {
  [http]: {
    '[method]fields.append': '$append',
    '[method]fields.set': '$set-field',
    '[method]outgoing-response.set-status-code': '$status',
    '[constructor]outgoing-request': '$request-of',
    '[method]outgoing-request.set-method': '$method',
    '[method]outgoing-request.set-authority': '$authority',
    '[method]outgoing-request.set-path-with-query': '$set-path',
    '[method]outgoing-request.set-scheme': '$scheme',
  },
  [streams]: {
    '[method]output-stream.check-write': '$check',
    '[method]output-stream.write': '$write',
    '[method]output-stream.blocking-flush': '$flush',
  },
};

interface End {
  readonly status: number | undefined;
  readonly text: string;
  readonly detail: string;
  readonly outcome: string;
}

async function run(code: string, beside = ''): Promise<End> {
  using engine = new Engine({ limits: { wallMsMax: 3_000 } });
  const { text, reply, report } = await engine.run(
    engine.load(callingGuest({ calls, code, beside })),
  );
  const detail = report.cause?.detail ?? report.error?.detail ?? '';
  return { status: reply?.status, text, detail, outcome: report.outcome };
}

/** Calls that answer a `result` at 2048: its first two bytes, as text. */
async function resultOf(code: string, beside: string): Promise<string> {
  const shown = `
    (i32.store8 (i32.const 2048) (i32.add (i32.const 48) (i32.load8_u (i32.const 2048))))
    (i32.store8 (i32.const 2049) (i32.add (i32.const 48) (i32.load8_u (i32.const 2049))))
    (call $answer (local.get $out) (i32.const 2048) (i32.const 2))`;
  const { text, detail } = await run(`${code} ${shown}`, beside);
  return detail === '' ? text : detail;
}

const text = (at: number, value: string): string =>
  `(i32.const ${at}) (i32.const ${Buffer.byteLength(value)})`;

/** Appends one header; the answer is `10` for a syntax that is wrong, `11` for a forbidden name. */
async function appended(name: string, value: string): Promise<string> {
  const code = `(call $append (call $fields) ${text(1024, name)} ${text(1280, value)}
    (i32.const 2048))`;
  return await resultOf(code, `${data(1024, name)} ${data(1280, value)}`);
}

describe('a header', () => {
  test.each([
    ['x-a', 'b\r\nset-cookie: c=d'],
    ['x-a', 'b\nc'],
    ['x-a', 'b\0c'],
    ['x-a', 'b\x07'],
    ['x a', 'b'],
    ['x-a:', 'b'],
    ['', 'b'],
    ['x-a\r\nb', 'c'],
    ['content-length', '+5'],
    ['content-length', '5, 6'],
    ['content-length', '-1'],
    ['content-length', ''],
  ])('%j: %j is not taken', async (name, value) => {
    expect(await appended(name, value)).toBe('10');
  });

  test.each(['Connection', 'Transfer-Encoding', 'host', 'UPGRADE', 'keep-alive'])(
    '%s is not the guest’s to set',
    async (name) => {
      expect(await appended(name, 'x')).toBe('11');
    },
  );

  test.each([
    ['te', 'trailers'],
    ['x-a', '\tb'],
    ['content-length', '5'],
    ['set-cookie', 'a=b'],
  ])('%s: %j is taken', async (name, value) => {
    expect(await appended(name, value)).toMatch(/^0/);
  });

  test('too many end the run', async () => {
    const code = `
      (local $f i32)
      (local.set $f (call $fields))
      (loop $next
        (call $append (local.get $f) ${text(1024, 'x')} ${text(1024, 'x')} (i32.const 2048))
        (br $next))`;
    const { detail, status } = await run(code, data(1024, 'x'));
    expect([status, detail]).toEqual([undefined, expect.stringMatching(/at most/)]);
  });

  test('one of 128 KiB ends the run', async () => {
    const code = `
      (memory.fill (i32.const 4096) (i32.const 97) (i32.const 100000))
      (call $append (call $fields) ${text(1024, 'x')}
        (i32.const 0) (i32.const 131072) (i32.const 2048))`;
    const { detail } = await run(`(memory.fill (i32.const 0) (i32.const 97) (i32.const 131072))
      (i32.store8 (i32.const 1024) (i32.const 120)) ${code}`);
    expect(detail).toMatch(/at most/);
  });
});

describe('a status', () => {
  const withStatus = (status: number): string => `
    (local $response i32)
    (local.set $response (call $response (call $fields)))
    (i32.store8 (i32.const 2048) (call $status (local.get $response) (i32.const ${status})))
    (i32.store8 (i32.const 2049) (i32.const 0))`;

  test.each([0, 1, 99, 1000, 65_535])('of %i is not taken', async (status) => {
    expect(await resultOf(withStatus(status), '')).toBe('10');
  });

  test.each([200, 599, 999])('of %i is taken', async (status) => {
    expect(await resultOf(withStatus(status), '')).toBe('00');
  });

  test('of 65,736 is one of 16 bits', async () => {
    expect(await resultOf(withStatus(65_536 + 200), '')).toBe('00');
  });

  test('of an interim answer cannot be the last', async () => {
    const { outcome, detail } = await run(`
      (local $response i32)
      (local.set $response (call $response (call $fields)))
      (drop (call $status (local.get $response) (i32.const 100)))
      (call $set (local.get $out) (i32.const 0) (local.get $response)
        (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))`);
    expect(outcome).not.toBe('replied');
    expect(detail).toMatch(/200 or more/);
  });
});

describe('a length', () => {
  const append = (at: number, said: string): string =>
    `(call $append (local.get $fields) ${text(1024, 'content-length')} ${text(at, said)}
       (i32.const 2048))`;
  /** Says that the body has so many bytes, and then writes so many. */
  const lying = (said: string, bytes: number, again = ''): [string, string] => [
    `(local $response i32) (local $body i32) (local $fields i32)
     (local.set $fields (call $fields))
     ${again === '' ? '' : append(1536, again)}
     (call $append (local.get $fields) ${text(1024, 'content-length')} ${text(1280, said)}
       (i32.const 2048))
     (local.set $response (call $response (local.get $fields)))
     (call $body (local.get $response) (i32.const 0))
     (local.set $body (i32.load (i32.const 4)))
     (call $set (local.get $out) (i32.const 0) (local.get $response)
       (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
     (call $open (local.get $body) (i32.const 0))
     (call $write-flush (i32.load (i32.const 4)) (i32.const 1024) (i32.const ${bytes})
       (i32.const 16))
     (call $drop-stream (i32.load (i32.const 4)))
     (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 32))`,
    `${data(1024, 'content-length')} ${data(1280, said)} ${data(1536, again)}`,
  ];

  test('that is right is kept', async () => {
    const { status, text: body } = await run(...lying('7', 7));
    expect([status, body]).toEqual([200, 'content']);
  });

  test('that is said twice, and differently, breaks the answer off', async () => {
    expect((await run(...lying('7', 7, '8'))).status).toBeUndefined();
    expect((await run(...lying('7', 7, '7'))).text).toBe('content');
  });

  test.each([
    ['100', 5],
    ['3', 5],
    ['99999999999999999999', 5],
  ])('of %s for %i bytes breaks the answer off', async (said, bytes) => {
    const { status } = await run(...lying(said, bytes));
    expect(status).toBeUndefined();
  });
});

describe('a body', () => {
  test('that nobody reads takes no more than a piece, and no writes past it', async () => {
    const { detail } = await run(
      `(local $stream i32) (local $body i32)
       (call $body (call $response (call $fields)) (i32.const 0))
       (local.set $body (i32.load (i32.const 4)))
       (call $open (local.get $body) (i32.const 0))
       (local.set $stream (i32.load (i32.const 4)))
       (loop $next
         (call $check (local.get $stream) (i32.const 16))
         (if (i64.eqz (i64.load (i32.const 24))) (then
           (call $write (local.get $stream) (i32.const 1024) (i32.const 1) (i32.const 16))))
         (call $write (local.get $stream) (i32.const 1024) (i32.const 1024) (i32.const 16))
         (br $next))`,
    );
    expect(detail).toMatch(/check-write permitted/);
  });

  test('is written no more once it has ended', async () => {
    const { detail } = await run(`
      (local $body i32)
      (call $body (call $response (call $fields)) (i32.const 0))
      (local.set $body (i32.load (i32.const 4)))
      (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 32))
      (call $open (local.get $body) (i32.const 0))`);
    expect(detail).toMatch(/names nothing/);
  });

  test('that is dropped without an end is seen to be broken', async () => {
    const { status, outcome } = await run(`
      (local $response i32)
      (local.set $response (call $response (call $fields)))
      (call $body (local.get $response) (i32.const 0))
      (call $set (local.get $out) (i32.const 0) (local.get $response)
        (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))`);
    expect([status, outcome]).toEqual([undefined, expect.any(String)]);
  });

  test('of a response that was set is whole, whatever the guest does then', async () => {
    const {
      status,
      text: body,
      detail,
    } = await run(
      '(call $answer (local.get $out) (i32.const 1024) (i32.const 2)) unreachable',
      data(1024, 'ok'),
    );
    expect([status, body]).toEqual([200, 'ok']);
    expect(detail).toMatch(/unreachable/);
  });
});

describe('an outgoing request', () => {
  const change = (name: string, value: string): string => `
    (i32.store8 (i32.const 2048) (call ${name} (call $request-of (call $fields))
      (i32.const 1) ${text(1024, value)}))
    (i32.store8 (i32.const 2049) (i32.const 0))`;

  test.each([
    'a:b@c',
    'user@host',
    '[::1',
    'host:65536',
    'host:',
    'host:99999999999',
    ':80',
    '',
    'a b',
    'a/b',
    'a\r\nb',
    'a?b',
    'a\\b',
  ])('has no authority %j', async (value) => {
    expect(await resultOf(change('$authority', value), data(1024, value))).toBe('10');
  });

  test.each(['example.com', 'example.com:80', '[::1]:8080', '127.0.0.1'])(
    'may have the authority %s',
    async (value) => {
      expect(await resultOf(change('$authority', value), data(1024, value))).toBe('00');
    },
  );

  test.each(['/a b', '/\r\nhost: x', '/\0', '/\x7f'])('has no path %j', async (value) => {
    expect(await resultOf(change('$set-path', value), data(1024, value))).toBe('10');
  });

  test.each(['/', '//x', '/a?b=c'])('may have the path %s', async (value) => {
    expect(await resultOf(change('$set-path', value), data(1024, value))).toBe('00');
  });

  test.each(['GET\r\nx: y', 'a b', ''])('has no method %j', async (value) => {
    const code = `
      (i32.store8 (i32.const 2048) (call $method (call $request-of (call $fields))
        (i32.const 9) ${text(1024, value)}))
      (i32.store8 (i32.const 2049) (i32.const 0))`;
    expect(await resultOf(code, data(1024, value))).toBe('10');
  });
});
