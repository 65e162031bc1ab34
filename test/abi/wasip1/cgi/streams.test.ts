import { describe, expect, test } from 'vitest';
import { RequestBody } from '../../../../src/abi/objects/cgi/body.ts';
import { LogStream } from '../../../../src/abi/objects/log-stream.ts';
import { WwsReply, WwsRequest } from '../../../../src/abi/wasip1/cgi/wws.ts';
import type { KeyValue } from '../../../../src/capability/kv/contract.ts';
import { RunLog } from '../../../../src/capability/log/guest-log.ts';
import { CapabilityRefusal } from '../../../../src/capability/refusal.ts';
import { World } from '../../../support/abi-world.ts';
import { StreamExchange } from '../../objects/cgi/stream-exchange.ts';

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

describe('the request’s body', () => {
  test('without one there is nothing to wait for', () => {
    const body = new RequestBody(new StreamExchange());
    expect(body.readyBytes).toBe(0);
    expect(body.take(9)).toEqual(new Uint8Array(0));
  });

  test('comes as asked for, one piece at a time, without empty ones', async () => {
    const exchange = new StreamExchange({}, ['', 'abc', '', 'd']);
    const body = new RequestBody(exchange);
    expect(body.take(9)).toBeUndefined();
    await body.whenReady();
    expect(body.readyBytes).toBe(3);
    expect(text(body.take(2))).toBe('ab');
    expect(text(body.take(9))).toBe('c');
    expect(body.take(9)).toBeUndefined();
    await Promise.all([body.whenReady(), body.whenReady()]);
    expect(text(body.take(9))).toBe('d');
    await body.whenReady();
    expect(body.take(9)?.length).toBe(0);
  });

  test('that breaks off ends the run when it is read', async () => {
    const late = new Error('too late');
    const exchange = new StreamExchange({}, ['x']);
    exchange.readChunk = () => Promise.reject(late);
    const body = new RequestBody(exchange);
    await body.whenReady();
    expect(body.failure).toBe(late);
    expect(() => body.take(9)).toThrow(late);
  });

  test('is as long as the visitor said', () => {
    const headers = [['content-length', '3']] as const;
    const body = new RequestBody(new StreamExchange({ headers }, ['abc']));
    expect(body.measure(0)).toBeUndefined();
    expect(body.totalBytes).toBe(3);
    expect(new RequestBody(new StreamExchange()).totalBytes).toBe(0);
  });

  test('is taken in whole where its length must be known, and given as asked for', async () => {
    const body = new RequestBody(new StreamExchange({}, ['abc', '', 'de', 'f']));
    expect(body.totalBytes).toBeUndefined();
    await body.whenReady();
    expect(text(body.take(2))).toBe('ab');
    await Promise.all([body.measure(6), body.measure(6)]);
    expect([body.totalBytes, body.readyBytes]).toEqual([6, 4]);
    expect(text(body.take(3))).toBe('cde');
    expect(text(body.take(9))).toBe('f');
    expect(body.take(9)).toEqual(new Uint8Array(0));
  });

  test('is refused where it is longer than may be held', async () => {
    const body = new RequestBody(new StreamExchange({}, ['abc', 'def']));
    await expect(body.measure(5)).rejects.toMatchObject({ code: 'request-too-large' });
    expect(body.failure).toMatchObject({ code: 'request-too-large' });
    expect(() => body.take(1)).toThrow('may have at most 5 bytes: received 6 bytes');
  });
});

describe('the log', () => {
  test('has whole lines, whatever the pieces', () => {
    const world = new World();
    const stream = new LogStream(world.log);
    const euro = Buffer.from('\u20ac\r\nlast');
    for (const byte of euro) stream.write(Uint8Array.of(byte));
    expect(world.logLines).toEqual(['info \u20ac']);
    stream.end();
    stream.end();
    expect(world.logLines).toEqual(['info \u20ac', 'info last']);
  });

  test('a line without end is cut and not kept', () => {
    const world = new World();
    const stream = new LogStream(world.log);
    stream.write(Buffer.alloc(8_191, 0x61));
    expect(world.logLines).toHaveLength(0);
    stream.write(Buffer.alloc(8_193, 0x61));
    expect(world.logLines.map((line) => line.length)).toEqual([8_197, 8_197]);
  });

  test('a long line is cut, whether or not its end comes with it', () => {
    const world = new World();
    new LogStream(world.log).write(Buffer.from(`${'a'.repeat(20_000)}\nb\n`));
    expect(world.logLines.map((line) => line.length)).toEqual([8_197, 8_197, 3_621, 6]);
  });

  test('goes nowhere once a run has written what it may', () => {
    const log = new RunLog(() => undefined, {
      tag: {} as never,
      limits: { logLinesPerRunMax: 1, logBytesPerRunMax: 100, traceLinesPerRunMax: 1 },
    });
    const stream = new LogStream(log);
    stream.write(Buffer.from('one\n'));
    expect(stream.isDropping).toBe(false);
    stream.write(Buffer.from('two\n'));
    expect(stream.isDropping).toBe(true);
  });
});

describe('the protocol of wasm-workers-server', () => {
  const world = () => new World();

  test('does not begin where what was stored cannot be read now', async () => {
    const away = new CapabilityRefusal('unavailable', 'Cannot read: it must answer');
    const keyValue = { get: () => Promise.reject(away) } as Partial<KeyValue> as KeyValue;
    const exchange = new StreamExchange();
    const input = new WwsRequest({ exchange, keyValue, bodyBytesMax: 10 });
    await input.whenReady();
    expect(input.failure).toMatchObject({ code: 'store-away', message: away.message });
  });

  test('gives the request as one object, with what was stored', async () => {
    const { keyValue } = world();
    await keyValue.insert(Buffer.from('wws'), Buffer.from('{"n":"1"}'));
    const exchange = new StreamExchange({ method: 'POST', headers: [['x-a', 'b']] }, ['h', 'i']);
    const input = new WwsRequest({ exchange, keyValue, bodyBytesMax: 10 });
    expect(input.take(9)).toBeUndefined();
    await input.whenReady();
    expect(JSON.parse(String(Buffer.from(input.take(10_000) ?? [])))).toEqual({
      url: 'http://example.test:8080/dir/hello.wasm',
      method: 'POST',
      headers: { 'x-a': 'b', host: 'example.test:8080' },
      body: 'hi',
      kv: { n: '1' },
      params: {},
    });
    expect(input.take(9)?.length).toBe(0);
  });

  test('takes the answer as one object, and stores what it says', async () => {
    const exchange = new StreamExchange();
    const capabilities = world();
    const reply = new WwsReply({ exchange, capabilities, bytesMax: 1_000 });
    const answer = {
      data: 'aGk=',
      base64: true,
      headers: { x_a: 'b' },
      status: 201,
      kv: { n: '2' },
    };
    reply.write(Buffer.from(JSON.stringify(answer)));
    reply.flush();
    reply.end();
    expect(exchange.head).toEqual({
      status: 201,
      headers: [
        ['content-type', 'text/html'],
        ['x-a', 'b'],
      ],
    });
    expect(exchange.text).toBe('hi');
    expect(String(await capabilities.keyValue.get(Buffer.from('wws')))).toBe('{"n":"2"}');
  });

  test.each([
    ['', 'one JSON object'],
    ['[]', 'one JSON object'],
    ['{"data":1,"headers":{},"status":200}', '"data" must be a string'],
    ['{"data":"","headers":[],"status":200}', '"headers" must be an object'],
    ['{"data":"","headers":{"a b":"x"},"status":200}', 'must be a token'],
    ['{"data":"","headers":{"a":"x\\r\\ny: z"},"status":200}', 'without control characters'],
    ['{"data":"","headers":{},"status":99}', '"status" must be a number'],
    ['{"data":"","headers":{},"status":200,"kv":{"a":1}}', 'must be strings'],
  ])('%s is no answer', (text, rule) => {
    const exchange = new StreamExchange();
    const reply = new WwsReply({ exchange, capabilities: world(), bytesMax: 1_000 });
    reply.write(Buffer.from(text));
    expect(() => reply.end()).toThrow(rule);
    expect(exchange.replyState).toBe('none');
  });

  test('an answer’s headers are bounded in number', () => {
    const answer = (count: number) => {
      const names = Array.from({ length: count }, (_, index) => [`x-${index}`, '']);
      const reply = new WwsReply({
        exchange: new StreamExchange(),
        capabilities: world(),
        bytesMax: 100_000,
      });
      const object = { data: '', status: 200, headers: Object.fromEntries(names) };
      reply.write(Buffer.from(JSON.stringify(object)));
      return () => reply.end();
    };
    expect(answer(255)).not.toThrow();
    expect(answer(256)).toThrow('at most 256 headers');
  });

  test('an answer is bounded, in bytes', () => {
    const reply = new WwsReply({
      exchange: new StreamExchange(),
      capabilities: world(),
      bytesMax: 10,
    });
    reply.write(Buffer.alloc(10));
    expect(() => reply.write(Buffer.alloc(1))).toThrow('it may have 10 bytes');
    expect(reply.failure).toMatchObject({ code: 'reply-too-large' });
  });
});
