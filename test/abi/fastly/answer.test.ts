import { describe, expect, test } from 'vitest';
import { TerrafirmaError } from '../../../src/errors.ts';
import { createFastlyPuppet, type FastlyPuppet } from '../../support/fastly-puppet.ts';

const RESP = 'fastly_http_resp';
const BODY = 'fastly_http_body';

async function withResponse(status = 200): Promise<{ puppet: FastlyPuppet; response: number }> {
  const puppet = await createFastlyPuppet();
  const response = await puppet.number(`${RESP}.new`);
  expect(await puppet.call(`${RESP}.status_set`, response, status)).toBe(0);
  return { puppet, response };
}

describe('a response', () => {
  test('has status 200 in HTTP/1.1, and a place of 16 bits for it', async () => {
    const puppet = await createFastlyPuppet();
    const response = await puppet.number(`${RESP}.new`);
    expect(await puppet.call(`${RESP}.status_get`, response, 8)).toBe(0);
    expect(puppet.bytes.readUInt16LE(8)).toBe(200);
    expect(puppet.bytes[10]).toBe(0xaa);
    expect(await puppet.call(`${RESP}.status_get`, response, 65_535)).toBe(2);
    expect(await puppet.number(`${RESP}.version_get`, response)).toBe(2);
  });

  test.each([
    [100, 0],
    [999, 0],
    [99, 2],
    [1_000, 2],
    [-1, 2],
  ])('takes the status %d: %d', async (code, status) => {
    const puppet = await createFastlyPuppet();
    const response = await puppet.number(`${RESP}.new`);
    expect(await puppet.call(`${RESP}.status_set`, response, code)).toBe(status);
  });

  test('of handles that name nothing is badf', async () => {
    const puppet = await createFastlyPuppet();
    const body = await puppet.body();
    expect(await puppet.call(`${RESP}.status_get`, 9, 0)).toBe(3);
    expect(await puppet.call(`${RESP}.status_set`, 9, 200)).toBe(3);
    expect(await puppet.call(`${RESP}.version_get`, 9, 0)).toBe(3);
    expect(await puppet.call(`${RESP}.version_set`, 9, 0)).toBe(3);
    expect(await puppet.call(`${RESP}.framing_headers_mode_set`, 9, 0)).toBe(3);
    expect(await puppet.call(`${RESP}.http_keepalive_mode_set`, 9, 0)).toBe(3);
    expect(await puppet.call(`${RESP}.close`, 9)).toBe(3);
    expect(await puppet.call(`${RESP}.send_downstream`, 9, body, 0)).toBe(3);
  });
});

describe('send_downstream', () => {
  test('sends head and body whole, at once', async () => {
    const { puppet, response } = await withResponse(201);
    await puppet.call(`${RESP}.header_insert`, response, 'X-A', '1');
    await puppet.call(`${RESP}.header_insert`, response, 'Connection', 'close');
    await puppet.call(`${RESP}.header_insert`, response, 'content-length', '99');
    const body = await puppet.body('hello');
    expect(await puppet.call(`${RESP}.send_downstream`, response, body, 0)).toBe(0);
    expect(puppet.exchange.head?.status).toBe(201);
    expect(puppet.exchange.headers).toEqual(['X-A: 1']);
    expect(puppet.exchange.text).toBe('hello');
    expect(puppet.exchange.passed).toBeUndefined();
    expect(await puppet.call(`${RESP}.close`, response)).toBe(3);
    expect(await puppet.call(`${BODY}.close`, body)).toBe(3);
    puppet.end();
  });

  test('happens once', async () => {
    const { puppet, response } = await withResponse();
    expect(await puppet.call(`${RESP}.send_downstream`, response, await puppet.body(), 0)).toBe(0);
    const [again, body] = [await puppet.number(`${RESP}.new`), await puppet.body()];
    expect(await puppet.call(`${RESP}.send_downstream`, again, body, 0)).toBe(1);
    expect(await puppet.call(`${RESP}.send_downstream`, again, body, 1)).toBe(1);
    expect(await puppet.call(`${RESP}.close`, again)).toBe(0);
    expect(await puppet.call(`${BODY}.close`, body)).toBe(0);
  });

  test('of a body that is being written leaves at once, and goes on', async () => {
    const { puppet, response } = await withResponse();
    const body = await puppet.body('one ');
    expect(await puppet.call(`${RESP}.send_downstream`, response, body, 1)).toBe(0);
    expect(puppet.exchange.head?.status).toBe(200);
    await puppet.number(`${BODY}.write`, body, 'two ', 0);
    expect(await puppet.call(`${BODY}.write`, body, 'front', 1, 0)).toBe(2);
    await expect(puppet.read(body)).rejects.toThrow('status 3');
    expect((await puppet.list(`${BODY}.trailer_names_get`, [body])).status).toBe(2);
    expect(await puppet.call(`${BODY}.known_length`, body, 0)).toBe(10);
    const more = await puppet.body('three');
    expect(await puppet.call(`${BODY}.append`, body, more)).toBe(0);
    expect(await puppet.call(`${BODY}.close`, body)).toBe(0);
    await puppet.exchange.passed;
    expect(puppet.exchange.text).toBe('one two three');
  });

  test('whose visitor has gone is told to who goes on writing it', async () => {
    const { puppet, response } = await withResponse();
    const body = await puppet.body('one ');
    expect(await puppet.call(`${RESP}.send_downstream`, response, body, 1)).toBe(0);
    const other = await puppet.body('of its own');
    puppet.exchange.isGone = true;
    expect(await puppet.call(`${BODY}.write`, body, 'two ', 0, 60_000)).toBe(1);
    expect(await puppet.call(`${BODY}.append`, body, other)).toBe(1);
    await puppet.number(`${BODY}.write`, other, ' goes on', 0);
    expect(await puppet.read(other)).toBe('of its own');
    expect(await puppet.call(`${BODY}.close`, body)).toBe(0);
    puppet.end();
  });

  test('of a body that is abandoned breaks the answer off', async () => {
    const { puppet, response } = await withResponse();
    const body = await puppet.body('one');
    await puppet.call(`${RESP}.send_downstream`, response, body, 1);
    expect(await puppet.call(`${BODY}.abandon`, body)).toBe(0);
    await expect(puppet.exchange.passed).rejects.toThrow();
  });

  test('of a body that nobody ends breaks off with the run', async () => {
    const { puppet, response } = await withResponse();
    await puppet.call(`${RESP}.send_downstream`, response, await puppet.body('one'), 1);
    puppet.end();
    await expect(puppet.exchange.passed).rejects.toThrow();
  });

  test('hands over a body that is still to come, whatever becomes of the run', async () => {
    const puppet = await createFastlyPuppet({ body: 'later' });
    const { body } = await puppet.downstream();
    const response = await puppet.number(`${RESP}.new`);
    expect(await puppet.call(`${RESP}.send_downstream`, response, body, 0)).toBe(0);
    puppet.end();
    puppet.exchange.arriving.push(Buffer.from('late'));
    puppet.exchange.arriving.end();
    await puppet.exchange.passed;
    expect(puppet.exchange.text).toBe('late');
  });

  test('waits for room where the client takes nothing', async () => {
    const { puppet, response } = await withResponse();
    const body = await puppet.body();
    const gate = Promise.withResolvers<void>();
    const taken: number[] = [];
    puppet.exchange.sendPiped = (head, source) => {
      puppet.exchange.head = head;
      puppet.exchange.replyState = 'ended';
      puppet.exchange.passed = gate.promise.then(async () => {
        for (let piece = await source.read(); piece; piece = await source.read()) {
          taken.push(piece.length);
        }
      });
    };
    await puppet.call(`${RESP}.send_downstream`, response, body, 1);
    const write = () => puppet.call(`${BODY}.write`, body, 0, 40_000, 0, 50_000);
    // Who hears that there is room may write; then there is none.
    expect([await write(), await write()]).toEqual([0, 0]);
    let isOver = false;
    const third = write().then((status) => {
      isOver = true;
      return status;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    gate.resolve();
    expect(await third).toBe(0);
    await puppet.call(`${BODY}.close`, body);
    await puppet.exchange.passed;
    expect(taken).toEqual([40_000, 40_000, 40_000]);
  });

  test.each([
    [103, 0, 0],
    [100, 0, 2],
    [102, 0, 2],
    [103, 1, 2],
    [101, 0, 2],
  ])('with status %d and streaming %d: %d', async (code, streaming, status) => {
    const { puppet, response } = await withResponse(code);
    await puppet.call(`${RESP}.header_insert`, response, 'link', '</a.css>');
    const body = await puppet.body();
    expect(await puppet.call(`${RESP}.send_downstream`, response, body, streaming)).toBe(status);
    expect(puppet.exchange.interim).toHaveLength(status === 0 ? 1 : 0);
    expect(puppet.exchange.replyState).toBe('none');
    expect(await puppet.call(`${RESP}.close`, response)).toBe(status === 0 ? 3 : 0);
  });

  test.each([600, 999])('with status %d, which is none of HTTP, is refused', async (code) => {
    const { puppet, response } = await withResponse(code);
    for (const streaming of [0, 1]) {
      const body = await puppet.body();
      expect(await puppet.call(`${RESP}.send_downstream`, response, body, streaming)).toBe(12);
    }
    expect(puppet.exchange.replyState).toBe('none');
  });

  test('that finds no room has no other answer in its place', async () => {
    const { puppet, response } = await withResponse();
    const body = await puppet.body('large');
    const overloaded = new TerrafirmaError('overloaded', 'Cannot send: memory is short');
    puppet.exchange.send = () => {
      throw overloaded;
    };
    expect(await puppet.call(`${RESP}.send_downstream`, response, body, 0)).toBe(1);
    expect(puppet.world.logLines.join()).toMatch(/memory is short/);
    expect(() => puppet.end()).toThrow(overloaded);
  });

  test('leaves the length to the guest that wants it so', async () => {
    const { puppet, response } = await withResponse();
    await puppet.call(`${RESP}.framing_headers_mode_set`, response, 1);
    await puppet.call(`${RESP}.header_insert`, response, 'content-length', '3');
    const body = await puppet.body('abc');
    expect(await puppet.call(`${RESP}.send_downstream`, response, body, 1)).toBe(0);
    expect(puppet.exchange.knownBytes).toBe(3);
  });

  test('takes no length that is none', async () => {
    const { puppet, response } = await withResponse();
    await puppet.call(`${RESP}.framing_headers_mode_set`, response, 1);
    await puppet.call(`${RESP}.header_insert`, response, 'content-length', 'three');
    const body = await puppet.body('abc');
    expect(await puppet.call(`${RESP}.send_downstream`, response, body, 0)).toBe(0);
    expect(puppet.exchange.text).toBe('abc');
    expect(puppet.exchange.headers).toEqual([]);
  });

  test('ends the connection where the guest says so', async () => {
    const { puppet, response } = await withResponse();
    expect(await puppet.call(`${RESP}.http_keepalive_mode_set`, response, 2)).toBe(2);
    expect(await puppet.call(`${RESP}.http_keepalive_mode_set`, response, 1)).toBe(0);
    await puppet.call(`${RESP}.send_downstream`, response, await puppet.body(), 0);
    expect(puppet.exchange.headers).toEqual(['connection: close']);
  });
});

describe('a program without an answer', () => {
  test('that ends well has answered with nothing', async () => {
    for (const end of [{ kind: 'returned' }, { kind: 'exited', exitCode: 0 }] as const) {
      const puppet = await createFastlyPuppet();
      puppet.end(end);
      expect(puppet.exchange.head).toEqual({ status: 200, headers: [] });
      expect(puppet.exchange.text).toBe('');
      expect(puppet.world.logLines).toEqual([
        expect.stringContaining('sent no answer (send_downstream): the visitor gets an empty 200'),
      ]);
    }
  });

  test('that ends badly leaves it to the gateway', async () => {
    const ends = [
      { kind: 'exited', exitCode: 1 },
      { kind: 'trapped', reason: 'unreachable' },
    ] as const;
    for (const end of ends) {
      const puppet = await createFastlyPuppet();
      puppet.end(end);
      expect(puppet.exchange.replyState).toBe('none');
    }
  });
});

test('nothing of a run is there for the next', async () => {
  const puppet = await createFastlyPuppet();
  const request = await puppet.number('fastly_http_req.new');
  const response = await puppet.number(`${RESP}.new`);
  const body = await puppet.body('secret');
  const endpoint = await puppet.number('fastly_log.endpoint_get', 'mine');
  puppet.end();
  puppet.begin();
  expect((await puppet.value('fastly_http_req.method_get', request)).status).toBe(3);
  expect(await puppet.call(`${RESP}.status_get`, response, 0)).toBe(3);
  await expect(puppet.read(body)).rejects.toThrow('status 3');
  expect(await puppet.call('fastly_log.write', endpoint, 'x', 0)).toBe(3);
});
