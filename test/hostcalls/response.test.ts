import { describe, expect, test } from 'vitest';
import type { AbiHost } from '../support/abi-host.ts';
import {
  createPuppet,
  type PuppetOptions,
  put,
  putList,
  readGiven,
  readGivenList,
} from '../support/abi-puppet.ts';
import { outboundReply, type SentReply } from '../support/abi-world.ts';

const OUTGOING = 0;
const OUT = 0x40;

/** A puppet and what it has answered when its run returns. */
async function createAnswering(options: PuppetOptions = {}) {
  const puppet = await createPuppet(options);
  const exchange = puppet.begin(options.request);
  const finish = (): SentReply => {
    puppet.binding.finish({ kind: 'returned' });
    if (exchange.sent === undefined) throw new Error('nothing was sent');
    return exchange.sent;
  };
  return { puppet, finish };
}

async function setHeader(puppet: AbiHost, name: string, values: readonly string[]) {
  const namePart = put(puppet, 0x100, name);
  const valuePart = putList(puppet, 0x1000, values);
  return puppet.call('resp_set_header', OUTGOING, ...namePart, ...valuePart);
}

async function setBody(puppet: AbiHost, text: string) {
  return puppet.call('resp_set_body', OUTGOING, ...put(puppet, 0x800, text));
}

describe('resp_set_response_code', () => {
  test.each([200, 201, 404, 599])('sets %i', async (status) => {
    const { puppet, finish } = await createAnswering();
    expect(await puppet.call('resp_set_response_code', OUTGOING, status)).toBe(0);
    expect(finish().status).toBe(status);
  });

  test.each([0, 99, 100, 101, 199, 600, 999, 65_536 + 200, -200])(
    'refuses %i and keeps the one before',
    async (status) => {
      const { puppet, finish } = await createAnswering();
      await puppet.call('resp_set_response_code', OUTGOING, 404);
      expect(await puppet.call('resp_set_response_code', OUTGOING, status)).toBe(1);
      expect(finish().status).toBe(404);
    },
  );

  test('the last one counts, also after the body', async () => {
    const { puppet, finish } = await createAnswering();
    await puppet.call('resp_set_response_code', OUTGOING, 404);
    await setBody(puppet, 'x');
    await puppet.call('resp_set_response_code', OUTGOING, 201);
    expect(finish().status).toBe(201);
  });
});

describe('resp_set_header', () => {
  test('sends a line for each value', async () => {
    const { puppet, finish } = await createAnswering();
    expect(await setHeader(puppet, 'Set-Cookie', ['a=1', 'b=2; Path=/'])).toBe(0);
    expect(finish().headers).toEqual(['set-cookie: a=1', 'set-cookie: b=2; Path=/']);
  });

  test('replaces what was set; no values remove it', async () => {
    const { puppet, finish } = await createAnswering();
    await setHeader(puppet, 'x-a', ['1', '2']);
    await setHeader(puppet, 'X-A', ['3']);
    await setHeader(puppet, 'x-b', ['4']);
    expect(await setHeader(puppet, 'x-b', [])).toBe(0);
    expect(finish().headers).toEqual(['x-a: 3']);
  });

  test('sends the bytes of a value as they are', async () => {
    const { puppet, finish } = await createAnswering();
    expect(await setHeader(puppet, 'x-a', ['\u00c3\u00a9'])).toBe(0);
    expect(finish().headers).toEqual(['x-a: \u00c3\u00a9']);
  });

  test.each([
    ['x y', ['1']],
    ['', ['1']],
    ['x-a\r\nx-b', ['1']],
    ['x-a', ['1\r\nx-injected: yes']],
    ['x-a', ['fine', 'a\0b']],
  ])('refuses %j: %j', async (name, values) => {
    const { puppet, finish } = await createAnswering();
    expect(await setHeader(puppet, name, values)).toBe(1);
    expect(finish().headers).toEqual([]);
  });

  test.each(['Content-Length', 'Connection', 'transfer-encoding', 'keep-alive'])(
    'takes %s and does not send it',
    async (name) => {
      const { puppet, finish } = await createAnswering();
      expect(await setHeader(puppet, name, ['1'])).toBe(0);
      expect(finish().headers).toEqual([]);
    },
  );

  test('takes as many lines as the limit, and refuses one more', async () => {
    const { puppet, finish } = await createAnswering({ limits: { replyHeadersMax: 3 } });
    expect(await setHeader(puppet, 'x-a', ['1', '2', '3', '4'])).toBe(1);
    expect(await setHeader(puppet, 'x-a', ['1', '2', '3'])).toBe(0);
    expect(await setHeader(puppet, 'x-b', ['4'])).toBe(1);
    expect(finish().headers).toHaveLength(3);
  });

  test('takes as many bytes as the limit, and refuses one more', async () => {
    const { puppet, finish } = await createAnswering({ limits: { replyHeaderBytesMax: 10 } });
    expect(await setHeader(puppet, 'x-a', ['12345678'])).toBe(1);
    expect(await setHeader(puppet, 'x-a', ['1234567'])).toBe(0);
    expect(await setHeader(puppet, 'x-bcdefghij', ['4'])).toBe(1);
    expect(finish().headers).toEqual(['x-a: 1234567']);
  });
});

test('values are read no further than the bytes that may still come', async () => {
  const puppet = await createPuppet({ limits: { replyHeaderBytesMax: 10 } });
  expect(await setHeader(puppet, 'x-a', ['123456', '12345'])).toBe(1);
  expect(puppet.world.logLines).toEqual([
    'warn Cannot take the text: at most 4 bytes: received "5 bytes"',
  ]);
});

describe('resp_set_body', () => {
  test('the last body stands, whatever sizes those before had', async () => {
    const wat = '(func (export "grow") (result i32) (memory.grow (i32.const 20)))';
    const { puppet, finish } = await createAnswering({ wat });
    await puppet.call('grow');
    const set = async (letter: string, length: number): Promise<void> => {
      puppet.bytes.fill(letter, 65_536, 65_536 + length);
      expect(await puppet.call('resp_set_body', OUTGOING, 65_536, length)).toBe(0);
    };
    await set('a', 600_000);
    await set('b', 10);
    await set('c', 300_000);
    await set('d', 0);
    await set('e', 500_000);
    await set('f', 20_000);
    const { body } = finish();
    expect(Buffer.from(body).equals(Buffer.alloc(20_000, 'f'))).toBe(true);
  });

  test('the last body counts', async () => {
    const { puppet, finish } = await createAnswering();
    await setBody(puppet, 'first');
    expect(await setBody(puppet, 'second')).toBe(0);
    expect(finish().text).toBe('second');
  });

  test('is a copy: what the guest does with its memory afterwards does not matter', async () => {
    const { puppet, finish } = await createAnswering();
    await setBody(puppet, 'before');
    puppet.bytes.fill(0x78);
    expect(finish().text).toBe('before');
  });

  test('of no bytes at a dangling address is empty', async () => {
    const { puppet, finish } = await createAnswering();
    await setBody(puppet, 'first');
    expect(await puppet.call('resp_set_body', OUTGOING, 1, 0)).toBe(0);
    expect(finish().text).toBe('');
  });

  test('at the limit is sent; one byte more is refused, and then there is no answer', async () => {
    const { puppet, finish } = await createAnswering({ limits: { replyBodyBytesMax: 4 } });
    expect(await setBody(puppet, '12345')).toBe(1);
    expect(finish).toThrow(expect.objectContaining({ code: 'reply-too-large' }));
    expect(await setBody(puppet, '1234')).toBe(0);
    expect(finish().text).toBe('1234');
  });
});

test.each([-1, 1, 7])('setters on response %i answer 1', async (handle) => {
  const { puppet, finish } = await createAnswering();
  expect(await puppet.call('resp_set_response_code', handle, 404)).toBe(1);
  expect(await puppet.call('resp_set_header', handle, 0, 0, 0, 0)).toBe(1);
  expect(await puppet.call('resp_set_body', handle, 0, 4)).toBe(1);
  expect(finish()).toMatchObject({ status: 200, text: '' });
});

describe('a fetched response', () => {
  async function createWithFetched() {
    const { puppet, finish } = await createAnswering();
    const headers = [
      ['x-a', '1'],
      ['content-type', 'text/html'],
      ['x-a', '\u00e9'],
    ] as const;
    puppet.world.fetch.answer('http://a.test/', async () =>
      outboundReply('fetched', { status: 418, headers }),
    );
    const method = put(puppet, 0x100, 'GET');
    const url = put(puppet, 0x110, 'http://a.test/');
    const request = (await puppet.call('req_create', ...method, ...url)) as number;
    const handle = (await puppet.call('req_send', request)) as number;
    return { puppet, handle, finish };
  }

  test('is numbered from 1', async () => {
    expect((await createWithFetched()).handle).toBe(1);
  });

  test('has a status, names, values and a body, every time', async () => {
    const { puppet, handle } = await createWithFetched();
    for (let round = 0; round < 2; round += 1) {
      expect(await puppet.call('resp_get_response_code', handle)).toBe(418);
      await puppet.call('resp_get_headers', OUT, OUT + 4, handle);
      expect(readGivenList(puppet, OUT)).toEqual(['x-a', 'content-type']);
      const name = put(puppet, 0x100, 'X-A');
      await puppet.call('resp_get_header', OUT, OUT + 4, handle, ...name);
      expect(readGivenList(puppet, OUT)).toEqual(['1', '%E9']);
      await puppet.call('resp_get_body', OUT, OUT + 4, handle);
      expect(readGiven(puppet, OUT)).toBe('fetched');
    }
  });

  test('cannot be changed', async () => {
    const { puppet, handle, finish } = await createWithFetched();
    expect(await puppet.call('resp_set_response_code', handle, 200)).toBe(1);
    expect(await puppet.call('resp_set_body', handle, 0x100, 3)).toBe(1);
    expect(await puppet.call('resp_get_response_code', handle)).toBe(418);
    expect(finish().text).toBe('');
  });

  test.each([0, -1, -2, 2])('is not what handle %i names', async (handle) => {
    const { puppet } = await createWithFetched();
    expect(await puppet.call('resp_get_response_code', handle)).toBe(0);
    for (const [name, rest] of [
      ['resp_get_headers', []],
      ['resp_get_header', [0x10, 3]],
      ['resp_get_body', []],
    ] as const) {
      puppet.bytes.fill(0xaa, OUT, OUT + 8);
      await puppet.call(name, OUT, OUT + 4, handle, ...rest);
      expect(puppet.bytes.toString('hex', OUT, OUT + 8)).toBe('00'.repeat(8));
    }
  });
});
