import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AbiHost, type AbiHostOptions, type RequestPlan } from '../support/abi-host.ts';
import { assemble, changesSince, createPuppet, put } from '../support/abi-puppet.ts';
import { outboundReply, World } from '../support/abi-world.ts';

const guestsFolder = join(import.meta.dirname, '../guests');
const sharedFolder = join(import.meta.dirname, '../../../shared/guests');
const originalFolder = process.env.TERRAFIRMA_ORIGINAL_GUESTS ?? '';

function loadGuest(name: string, options: AbiHostOptions = {}): AbiHost {
  return new AbiHost(readFileSync(join(guestsFolder, `${name}.wasm`)), options);
}

async function answer(name: string, plan: RequestPlan = {}, options: AbiHostOptions = {}) {
  return loadGuest(name, options).run(plan);
}

/** The worked example of the contract, byte by byte. */
test('a guest echoes a header as the contract describes', async () => {
  const host = new AbiHost(
    await assemble(`(module
      (import "env" "hostcall_req_get_header" (func $get (param i32 i32 i32 i32 i32)))
      (import "env" "hostcall_resp_set_header"
        (func $set (param i32 i32 i32 i32 i32) (result i32)))
      (import "env" "hostcall_resp_set_response_code" (func $code (param i32 i32) (result i32)))
      (import "env" "hostcall_resp_set_body" (func $body (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 0x10) "foo")
      (data (i32.const 0x20) "x-echo")
      (global $top (mut i32) (i32.const 0x1000))
      (func (export "default_malloc_impl") (param $size i32) (result i32)
        (global.get $top)
        (global.set $top (i32.and
          (i32.add (i32.add (global.get $top) (local.get $size)) (i32.const 7)) (i32.const -8))))
      (func (export "default_free_impl") (param i32))
      (func (export "run")
        (call $get
          (i32.const 0x40) (i32.const 0x44) (i32.const 0) (i32.const 0x10) (i32.const 3))
        (drop (call $set (i32.const 0) (i32.const 0x20) (i32.const 6)
          (i32.load (i32.const 0x40)) (i32.load (i32.const 0x44))))
        (drop (call $code (i32.const 0) (i32.const 200)))
        (drop (call $body (i32.const 0) (i32.load (i32.load (i32.const 0x40)))
          (i32.load offset=4 (i32.load (i32.const 0x40)))))))`),
  );
  const before = Buffer.from(host.bytes);
  const { reply } = await host.run({
    headers: [
      ['foo', 'bar'],
      ['foo', 'baz'],
    ],
  });
  const after = host.bytes;
  expect(after.toString('hex', 0x40, 0x48)).toBe('1010000002000000');
  expect(after.toString('hex', 0x1000, 0x1008)).toBe('6261720000000000');
  expect(after.toString('hex', 0x1008, 0x1010)).toBe('62617a0000000000');
  expect(after.toString('hex', 0x1010, 0x1020)).toBe('00100000030000000810000003000000');
  // Zeros where nothing was written: only the four places above have changed.
  expect(Object.keys(changesSince(before, host))).toEqual([
    '0x0040',
    '0x0044',
    '0x1000',
    '0x1008',
    '0x1011',
    '0x1014',
    '0x1018',
    '0x101c',
  ]);
  expect(reply).toMatchObject({ status: 200, text: 'bar' });
  expect(reply?.headers.slice(0, 2)).toEqual(['x-echo: bar', 'x-echo: baz']);
});

describe('the reply', () => {
  test('is sent only when the entry has returned', async () => {
    const puppet = await createPuppet();
    const exchange = puppet.begin();
    await puppet.call('resp_set_response_code', 0, 404);
    await puppet.call('resp_set_body', 0, ...put(puppet, 0x100, 'body'));
    expect(exchange.sent).toBeUndefined();
    puppet.binding.finish({ kind: 'returned' });
    expect(exchange.sent).toMatchObject({ status: 404, text: 'body' });
  });

  test.each([
    ['trapped', undefined],
    ['trapped', 200],
    ['trapped', 404],
    ['trapped', 499],
    ['exited', 499],
  ] as const)('is left to the gateway when the guest %s with status %s', async (kind, status) => {
    const puppet = await createPuppet();
    const exchange = puppet.begin();
    if (status !== undefined) await puppet.call('resp_set_response_code', 0, status);
    await puppet.call('resp_set_body', 0, ...put(puppet, 0x100, 'half'));
    puppet.binding.finish({ kind, reason: 'x', exitCode: 1 });
    expect(exchange.sent).toBeUndefined();
  });

  test.each([500, 503, 599])(
    'is the guest’s own when it trapped with status %i',
    async (status) => {
      const puppet = await createPuppet();
      const exchange = puppet.begin();
      await puppet.call('resp_set_response_code', 0, status);
      await puppet.call('resp_set_body', 0, ...put(puppet, 0x100, 'sorry'));
      puppet.binding.finish({ kind: 'trapped', reason: 'x' });
      expect(exchange.sent).toMatchObject({ status, text: 'sorry' });
    },
  );

  test('is not sent when the exchange has been answered already', async () => {
    const puppet = await createPuppet();
    const exchange = puppet.begin();
    exchange.send({ status: 504, headers: [] }, new Uint8Array(0));
    puppet.binding.finish({ kind: 'returned' });
    expect(exchange.sent?.status).toBe(504);
  });

  test('of one run does not reach the next', async () => {
    const puppet = await createPuppet();
    await puppet.call('resp_set_response_code', 0, 404);
    await puppet.call('resp_set_body', 0, ...put(puppet, 0x100, 'first'));
    puppet.binding.release();
    const exchange = puppet.begin();
    puppet.binding.finish({ kind: 'returned' });
    expect(exchange.sent).toEqual({
      status: 200,
      headers: [],
      body: new Uint8Array(0),
      text: '',
    });
  });
});

describe('release', () => {
  test('may come twice and before any run', async () => {
    const puppet = await createPuppet();
    puppet.binding.release();
    puppet.binding.release();
    expect(loadGuest('hello').binding.release()).toBeUndefined();
  });

  test('forgets every handle', async () => {
    const puppet = await createPuppet();
    const method = put(puppet, 0x100, 'GET');
    const url = put(puppet, 0x110, 'http://a.test/');
    expect(await puppet.call('req_create', ...method, ...url)).toBe(1);
    puppet.binding.release();
    puppet.begin();
    expect(await puppet.call('req_set_body', 1, 0, 0)).toBe(1);
    expect(await puppet.call('req_create', ...method, ...url)).toBe(1);
  });
});

describe('our guests', () => {
  test('hello', async () => {
    const { reply } = await answer('hello');
    expect(reply).toMatchObject({ status: 200, text: 'hello\n' });
    expect(reply?.headers).toEqual(['content-type: text/plain;charset=utf-8']);
  });

  test.each(['echo', 'malloc-grows'])('%s', async (name) => {
    const plan: RequestPlan = {
      method: 'POST',
      target: '/echo.wasm?q',
      headers: [
        ['x-a', '1'],
        ['x-b', ''],
        ['x-a', '2'],
      ],
      body: 'the body',
    };
    const { reply } = await answer(name, plan);
    expect(reply?.text).toBe(
      'POST /echo.wasm?q\nx-a: 1\nx-a: 2\nx-b: \nhost: example.test\n' +
        'fastly-client-ip: 192.0.2.7\nx-fastly-client-ip: 192.0.2.7\n\nthe body',
    );
  });

  test.each([
    ['nothing', 200, ''],
    ['no-imports', 200, ''],
    ['body-before-code', 201, 'body first\n'],
    ['set-twice', 202, 'second\n'],
    ['header-crlf', 200, '111111\n'],
    ['bad-handles', 200, 'ok\n'],
    ['response-huge', 200, 'refused\n'],
    ['create-flood', 200, 'granted 128\n'],
    ['panic-after-500', 500, 'the database is down\n'],
    ['private-memory', 200, 'hello\n'],
    ['emscripten-notify', 200, 'hello\n'],
    ['as-abort', 200, 'hello\n'],
    ['time', 200, '1700000000 123456789\n'],
    ['no-allocator', 200, '/hello.wasm?x=1'],
    ['table-allocator', 200, '/hello.wasm?x=1'],
    ['table-allocator-private', 200, '/hello.wasm?x=1'],
    ['table-allocator-wrong', 200, '/hello.wasm?x=1'],
    ['start-section', 200, '1 /hello.wasm?x=1'],
  ])('%s answers %i %j', async (name, status, text) => {
    expect((await answer(name)).reply).toMatchObject({ status, text });
  });

  test('headers-multi', async () => {
    const { reply } = await answer('headers-multi');
    expect(reply?.headers).toEqual([
      'set-cookie: a=1; Path=/',
      'set-cookie: b=2; HttpOnly',
      'x-multi: one',
      'x-multi: two',
      'x-multi: three',
      'x-twice: second',
      'content-type: text/plain; charset=utf-8',
    ]);
  });

  test.each([
    [0, 'text/plain; charset=utf-8'],
    [1, 'text/html; charset=utf-8'],
    [2, 'application/octet-stream'],
    [3, 'text/plain; charset=utf-8'],
  ])('content-type/%i', async (number, type) => {
    const { reply } = await answer('content-type', { target: `/content-type.wasm/${number}` });
    expect(reply?.headers).toEqual([`content-type: ${type}`]);
  });

  test.each(['trap', 'trap-after-200', 'panic', 'deep-recursion'])(
    '%s leaves the answer to the gateway',
    async (name) => {
      const { end, reply } = await answer(name);
      expect(end.kind).toBe('trapped');
      expect(reply).toBeUndefined();
    },
  );

  test('panic and debug write to the log', async () => {
    expect((await answer('panic')).logLines).toEqual(['error panic: asked to panic']);
    expect((await answer('debug')).logLines).toEqual(['info a debug line', 'info up to the NUL']);
  });

  test('as-abort names message and place', async () => {
    const { end, logLines } = await answer('as-abort', { target: '/as-abort.wasm!' });
    expect(end).toEqual({ kind: 'trapped', reason: expect.stringMatching(/^abort: .+:\d+:\d+$/) });
    expect(logLines).toHaveLength(1);
  });

  test('kv keeps what it is told, between instances', async () => {
    const world = new World();
    const ask = async (target: string) =>
      (await answer('kv', { target: `/kv.wasm${target}` }, { world })).reply?.text;
    expect(await ask('/get?k')).toBe('absent\n');
    expect(await ask('/insert?k=1')).toBe('1\n');
    expect(await ask('/upsert?k=2')).toBe('0\n');
    expect(await ask('/append?k=3')).toBe('0\n');
    expect(await ask('/get?k')).toBe('13');
    expect(await ask('/remove?k')).toBe('1\n');
    expect(await ask('/remove?k')).toBe('0\n');
  });

  test.each([
    ['fetch', 'remote'],
    ['sleepy', 'remote'],
    ['fetch-async', 'remoteremoteremoteconsumed\n'],
  ])('%s', async (name, text) => {
    const world = new World();
    world.fetch.answer('http://a.test/', async () => outboundReply('remote'));
    const target = `/${name}.wasm?http://a.test/`;
    expect((await answer(name, { target }, { world })).reply).toMatchObject({ status: 200, text });
    const failing = await answer(name, { target });
    expect(failing.reply?.status).toBe(502);
  });

  test('dns', async () => {
    const world = new World();
    world.resolve.names.set('4 a.test', [Uint8Array.of(192, 0, 2, 1), Uint8Array.of(1, 2, 3, 4)]);
    const found = await answer('dns', { target: '/dns.wasm/4?a.test' }, { world });
    expect(found.reply?.text).toBe('c0000201\n01020304\n');
    const lost = await answer('dns', { target: '/dns.wasm/6?a.test' }, { world });
    expect(lost.reply?.status).toBe(502);
  });

  test.each(Array.from({ length: 39 }, (_, number) => number))(
    'bad-pointers/%i traps or survives',
    async (number) => {
      const target = `/bad-pointers.wasm/${number}`;
      const { end, reply } = await answer('bad-pointers', { target });
      if (end.kind === 'returned') expect(reply?.text).toMatch(/^survived \d+\n$/);
      else expect(end).toMatchObject({ reason: expect.stringMatching(/linear memory|at most/) });
    },
  );

  test.each([0, 1, 2, 3, 4, 5, 7, 8, 9, 10])('evil-malloc/%i', async (number) => {
    const { end, reply } = await answer('evil-malloc', {
      target: `/evil-malloc.wasm/${number}`,
      headers: [['x-test', 'value']],
      body: 'the body',
    });
    if (end.kind === 'returned') expect(reply?.text).toBe('survived\n');
    else expect(reply).toBeUndefined();
    expect(end.kind).toBe([1, 9, 10].includes(number) ? 'returned' : 'trapped');
  });
});

describe.skipIf(!existsSync(sharedFolder))('guests of other toolchains (../shared/guests)', () => {
  const ask = async (path: string, plan: RequestPlan) =>
    new AbiHost(readFileSync(join(sharedFolder, path))).run(plan);
  const headers = [
    ['a', '1'],
    ['a', '2'],
    ['b', '3'],
  ] as const;

  describe.each(['terra-c', 'terra-c-table'])('%s', (name) => {
    test.each([
      ['/hello', 200, 'hello from terra-c\n'],
      ['/status/503', 503, 'status 503\n'],
      ['/multi', 200, 'multi\n'],
      ['/crlf', 200, 'set_header=1\n'],
      ['/badhandle', 200, 'bad handle=1\n'],
      ['/nothing', 200, ''],
      ['/other', 404, 'no such path\n'],
    ])('%s answers %i', async (target, status, text) => {
      const { reply } = await ask(`terra-c/${name}.wasm`, { target });
      expect(reply).toMatchObject({ status, text });
    });

    test('/echo', async () => {
      const plan = { method: 'POST', target: '/echo?x=1', headers, body: 'hi', authority: '' };
      const { reply } = await ask(`terra-c/${name}.wasm`, plan);
      expect(reply?.text).toBe(
        'method=POST\npath=/echo?x=1\nheader a=1|2\nheader b=3\n' +
          'header fastly-client-ip=192.0.2.7\nheader x-fastly-client-ip=192.0.2.7\nbody[2]=hi\n',
      );
    });

    test.each(['/panic', '/trap', '/badptr'])('%s traps', async (target) => {
      const { end, reply } = await ask(`terra-c/${name}.wasm`, { target });
      expect(end.kind).toBe('trapped');
      expect(reply).toBeUndefined();
    });
  });

  test('terra-rust greets, shouts and panics', async () => {
    const path = 'terra-rust/terra-rust.wasm';
    const hello = await ask(path, { target: '/?name=Ann' });
    expect(hello.reply?.text).toBe('Hello, Ann!\n');
    const shout = await ask(path, { method: 'POST', body: 'abc' });
    expect(shout.reply?.text).toBe('ABC');
    const panic = await ask(path, { target: '/?name=panic' });
    expect(panic.end.kind).toBe('trapped');
    expect(panic.logLines[0]).toMatch(/^error panic: .*no such name/);
  });

  test('terra-evil-malloc traps', async () => {
    const { end } = await ask('hostile/terra-evil-malloc.wasm', {});
    expect(end.kind).toBe('trapped');
  });
});

describe.skipIf(!existsSync(join(originalFolder, 'hello.wasm')))(
  'the guests of the first Terrafirma (TERRAFIRMA_ORIGINAL_GUESTS)',
  () => {
    const headers = [
      ['x-empty', ''],
      ['x-bytes', '\u00e9'],
      ['foo', 'bar'],
    ] as const;

    test('hello.wasm', async () => {
      const host = new AbiHost(readFileSync(join(originalFolder, 'hello.wasm')));
      const { reply } = await host.run({ headers });
      expect(reply).toMatchObject({ status: 200, text: 'Hello World!' });
      expect(reply?.headers).toEqual(['content-type: text/plain; charset=utf-8']);
    });

    test('rust_wasm_simple.wasm', async () => {
      const host = new AbiHost(readFileSync(join(originalFolder, 'rust_wasm_simple.wasm')));
      const url = 'https://api.weather.gov/stations/KSFO/observations/latest';
      host.world.fetch.answer(url, async () => outboundReply('{"a": 1}'));
      const { reply } = await host.run({ headers });
      expect(reply?.text).toContain('{"a": 1}');
    });
  },
);
