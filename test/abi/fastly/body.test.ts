import { describe, expect, test } from 'vitest';
import { createFastlyPuppet, END } from '../../support/fastly-puppet.ts';

const BODY = 'fastly_http_body';

describe('a body', () => {
  test('is read as it was written, at the back and at the front', async () => {
    const puppet = await createFastlyPuppet();
    const body = await puppet.body('b');
    expect(await puppet.number(`${BODY}.write`, body, 'cd', 0)).toBe(2);
    expect(await puppet.number(`${BODY}.write`, body, 'a', 1)).toBe(1);
    expect(await puppet.read(body)).toBe('a');
    expect(await puppet.read(body)).toBe('b');
    expect(await puppet.read(body, 1)).toBe('c');
    expect(await puppet.read(body)).toBe('d');
    expect(await puppet.read(body)).toBe('');
    expect(await puppet.read(body)).toBe('');
  });

  test('of megabytes goes in and out in pieces', async () => {
    const puppet = await createFastlyPuppet();
    const body = await puppet.body();
    puppet.bytes.fill('x', 0, 40_000);
    expect(await puppet.call(`${BODY}.write`, body, 0, 40_000, 0, 50_000)).toBe(0);
    expect(puppet.u32(50_000)).toBe(40_000);
    puppet.bytes.fill(0, 0, 40_000);
    expect(await puppet.call(`${BODY}.read`, body, 0, 45_000, 50_000)).toBe(0);
    expect(puppet.u32(50_000)).toBe(40_000);
    expect(puppet.text(0, 40_000)).toBe('x'.repeat(40_000));
  });

  test("of the visitor's is waited for, and its end is 0 bytes", async () => {
    const puppet = await createFastlyPuppet({ body: 'later' });
    const { body } = await puppet.downstream();
    const reading = puppet.read(body);
    puppet.exchange.arriving.push(Buffer.from('hello'));
    expect(await reading).toBe('hello');
    const ending = puppet.read(body);
    puppet.exchange.arriving.end();
    expect(await ending).toBe('');
  });

  test('that breaks off is an error, again and again', async () => {
    const puppet = await createFastlyPuppet({ body: 'later' });
    const { body } = await puppet.downstream();
    puppet.exchange.arriving.fail(new Error('Cannot read on: the client has gone'));
    await expect(puppet.read(body)).rejects.toThrow('status 9');
    await expect(puppet.read(body)).rejects.toThrow('status 9');
    expect(puppet.world.logLines.join()).toMatch(/the client has gone/);
  });

  test('moves into another without being copied, and is gone then', async () => {
    const puppet = await createFastlyPuppet({ body: 'later' });
    const { body: visitors } = await puppet.downstream();
    const [destination, source] = [await puppet.body('a'), await puppet.body('b')];
    expect(await puppet.call(`${BODY}.append`, destination, source)).toBe(0);
    expect(await puppet.call(`${BODY}.append`, destination, visitors)).toBe(0);
    expect(await puppet.call(`${BODY}.append`, destination, destination)).toBe(3);
    for (const gone of [source, visitors]) {
      expect(await puppet.call(`${BODY}.close`, gone)).toBe(3);
      expect(await puppet.call(`${BODY}.append`, destination, gone)).toBe(3);
    }
    expect([await puppet.read(destination), await puppet.read(destination)]).toEqual(['a', 'b']);
    const reading = puppet.read(destination);
    puppet.exchange.arriving.push(Buffer.from('c'));
    puppet.exchange.arriving.end();
    expect([await reading, await puppet.read(destination)]).toEqual(['c', '']);
  });

  test('knows how long it is, where somebody said so', async () => {
    const puppet = await createFastlyPuppet({ body: 'later' });
    const { body: visitors } = await puppet.downstream();
    const body = await puppet.body('abc');
    expect(await puppet.call(`${BODY}.known_length`, body, 8)).toBe(0);
    expect(puppet.bytes.readBigUInt64LE(8)).toBe(3n);
    expect(await puppet.call(`${BODY}.known_length`, visitors, 8)).toBe(10);
    expect(await puppet.call(`${BODY}.known_length`, body, END - 7)).toBe(2);
  });

  test("of the visitor's has the length that the visitor said", async () => {
    const headers = [['content-length', '5']] as const;
    const puppet = await createFastlyPuppet({ body: 'hello', request: { headers } });
    const { body } = await puppet.downstream();
    expect(await puppet.call(`${BODY}.known_length`, body, 8)).toBe(0);
    expect(puppet.bytes.readBigUInt64LE(8)).toBe(5n);
    expect([await puppet.read(body), await puppet.read(body)]).toEqual(['hello', '']);
  });

  test('is bounded by the memory of its run', async () => {
    const puppet = await createFastlyPuppet({ limits: { memoryBytesMax: 65_536 } });
    const body = await puppet.body();
    const write = () => puppet.call(`${BODY}.write`, body, 0, 40_000, 0, 50_000);
    expect([await write(), await write()]).toEqual([0, 13]);
    expect(puppet.world.logLines.join()).toMatch(/bodies of a run hold at most/);
    await puppet.call(`${BODY}.close`, body);
    const other = await puppet.body();
    expect(await puppet.call(`${BODY}.write`, other, 0, 40_000, 0, 50_000)).toBe(0);
  });

  test('is not touched by what cannot be', async () => {
    const puppet = await createFastlyPuppet();
    const body = await puppet.body('abc');
    expect(await puppet.call(`${BODY}.write`, body, END - 1, 2, 0, 0)).toBe(2);
    expect(await puppet.call(`${BODY}.write`, body, 0, 2, 2, 0)).toBe(2);
    expect(await puppet.call(`${BODY}.write`, body, 0, 2, 0, END - 3)).toBe(2);
    expect(await puppet.call(`${BODY}.read`, body, END - 1, 2, 0)).toBe(2);
    expect(await puppet.call(`${BODY}.read`, body, 0, 2, END - 3)).toBe(2);
    expect(await puppet.call(`${BODY}.new`, END - 3)).toBe(2);
    expect(await puppet.read(body, 0)).toBe('');
    expect([await puppet.read(body), await puppet.read(body)]).toEqual(['abc', '']);
  });

  test('that is closed or abandoned is gone', async () => {
    const puppet = await createFastlyPuppet();
    for (const way of ['close', 'abandon']) {
      const body = await puppet.body('abc');
      expect(await puppet.call(`${BODY}.${way}`, body)).toBe(0);
      expect(await puppet.call(`${BODY}.${way}`, body)).toBe(3);
      await expect(puppet.read(body)).rejects.toThrow('status 3');
      expect(await puppet.call(`${BODY}.write`, body, 'x', 0, 0)).toBe(3);
      expect(await puppet.call(`${BODY}.known_length`, body, 0)).toBe(3);
    }
  });
});

describe('trailers', () => {
  const names = `${BODY}.trailer_names_get`;
  const values = `${BODY}.trailer_values_get`;

  test('are read once the body was read to its end', async () => {
    const puppet = await createFastlyPuppet();
    const body = await puppet.body('abc');
    for (const [name, value] of [
      ['X-A', '1'],
      ['x-a', '2'],
      ['x-b', '3'],
    ] as const) {
      expect(await puppet.call(`${BODY}.trailer_append`, body, name, value)).toBe(0);
    }
    expect((await puppet.list(names, [body])).status).toBe(14);
    expect((await puppet.list(values, [body, 'x-a'])).status).toBe(14);
    expect((await puppet.value(`${BODY}.trailer_value_get`, body, 'x-a')).status).toBe(14);
    await puppet.read(body);
    expect((await puppet.list(names, [body])).text).toBe('x-a\0x-b\0');
    expect((await puppet.list(values, [body, 'X-A'])).text).toBe('1\x002\0');
    expect(await puppet.value(`${BODY}.trailer_value_get`, body, 'x-b')).toMatchObject({
      text: '3',
    });
    expect((await puppet.value(`${BODY}.trailer_value_get`, body, 'x-c')).status).toBe(2);
    expect(await puppet.list(values, [body, 'x-c'])).toMatchObject({ status: 0, next: -1 });
  });

  test("of the visitor's body come with its end", async () => {
    const puppet = await createFastlyPuppet({ body: 'later' });
    const { body } = await puppet.downstream();
    puppet.exchange.arriving.push(Buffer.from('abc'));
    puppet.exchange.arriving.end([['x-sum', '42']]);
    expect(await puppet.read(body)).toBe('abc');
    expect((await puppet.list(names, [body])).status).toBe(14);
    expect(await puppet.read(body)).toBe('');
    expect((await puppet.list(names, [body])).text).toBe('x-sum\0');
  });

  test('move with their body', async () => {
    const puppet = await createFastlyPuppet();
    const [destination, source] = [await puppet.body('a'), await puppet.body('b')];
    await puppet.call(`${BODY}.trailer_append`, source, 'x-a', '1');
    await puppet.call(`${BODY}.append`, destination, source);
    expect([await puppet.read(destination), await puppet.read(destination)]).toEqual(['a', 'b']);
    await puppet.read(destination);
    expect((await puppet.list(names, [destination])).text).toBe('x-a\0');
  });

  test('are refused where they are none', async () => {
    const puppet = await createFastlyPuppet();
    const body = await puppet.body();
    expect(await puppet.call(`${BODY}.trailer_append`, body, 'x a', '1')).toBe(1);
    expect(await puppet.call(`${BODY}.trailer_append`, body, 'x-a', '\n')).toBe(1);
    expect(await puppet.call(`${BODY}.trailer_append`, 99, 'x-a', '1')).toBe(3);
    expect((await puppet.list(names, [99])).status).toBe(3);
  });
});
