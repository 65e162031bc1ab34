import { describe, expect, test } from 'vitest';
import { createFastlyPuppet, END, type FastlyPuppet } from '../../support/fastly-puppet.ts';

/** Requests and responses have the same eight functions. */
describe.each(['fastly_http_req', 'fastly_http_resp'])('headers of %s', (module) => {
  async function open(): Promise<{ puppet: FastlyPuppet; handle: number }> {
    const puppet = await createFastlyPuppet();
    const handle = await puppet.number(`${module}.new`);
    return { puppet, handle };
  }

  test('are inserted, appended, read and removed', async () => {
    const { puppet, handle } = await open();
    const call = (name: string, ...texts: string[]) =>
      puppet.call(`${module}.header_${name}`, handle, ...texts);
    expect(await call('insert', 'X-A', '1')).toBe(0);
    expect(await call('append', 'x-a', '2')).toBe(0);
    expect(await call('append', 'X-B', '')).toBe(0);
    expect((await puppet.list(`${module}.header_names_get`, [handle])).text).toBe('x-a\0x-b\0');
    expect((await puppet.list(`${module}.header_values_get`, [handle, 'x-A'])).text).toBe(
      '1\x002\0',
    );
    expect(await puppet.value(`${module}.header_value_get`, handle, 'X-a')).toMatchObject({
      status: 0,
      text: '1',
    });
    expect(await puppet.value(`${module}.header_value_get`, handle, 'x-b')).toMatchObject({
      status: 0,
      written: 0,
    });
    expect(await call('insert', 'x-a', '3')).toBe(0);
    expect((await puppet.list(`${module}.header_values_get`, [handle, 'x-a'])).text).toBe('3\0');
    expect(await call('remove', 'X-A')).toBe(0);
    expect((await puppet.list(`${module}.header_names_get`, [handle])).text).toBe('x-b\0');
  });

  test('that are not there are inval to who wants one, and nothing to who lists', async () => {
    const { puppet, handle } = await open();
    expect((await puppet.value(`${module}.header_value_get`, handle, 'x-a')).status).toBe(2);
    expect(await puppet.call(`${module}.header_remove`, handle, 'x-a')).toBe(2);
    expect(await puppet.list(`${module}.header_values_get`, [handle, 'x-a'])).toEqual({
      ...{ status: 0, text: '', written: 0, next: -1 },
    });
  });

  test('are set together, each with a NUL behind it', async () => {
    const { puppet, handle } = await open();
    const set = (values: string) =>
      puppet.call(`${module}.header_values_set`, handle, 'x-a', values);
    const values = async () =>
      (await puppet.list(`${module}.header_values_get`, [handle, 'x-a'])).text;
    expect(await set('1\x002\0')).toBe(0);
    expect(await values()).toBe('1\x002\0');
    expect(await set('3\0\0')).toBe(0);
    expect(await values()).toBe('3\0\0');
    expect(await set('')).toBe(0);
    expect(await values()).toBe('');
  });

  test('are given from a cursor on, as many as there is room for', async () => {
    const { puppet, handle } = await open();
    for (const value of ['one', 'three', 'seven']) {
      await puppet.call(`${module}.header_append`, handle, 'x-a', value);
    }
    const list = (cursor: number, len: number) =>
      puppet.list(`${module}.header_values_get`, [handle, 'x-a'], { cursor, len });
    expect(await list(0, 16)).toEqual({
      ...{ status: 0, text: 'one\0three\0seven\0', written: 16, next: -1 },
    });
    expect(await list(0, 15)).toEqual({ status: 0, text: 'one\0three\0', written: 10, next: 2 });
    expect(await list(2, 6)).toEqual({ status: 0, text: 'seven\0', written: 6, next: -1 });
    expect(await list(1, 5)).toEqual({ status: 4, text: '', written: 6, next: -1 });
    expect(await list(3, 0)).toEqual({ status: 0, text: '', written: 0, next: -1 });
    expect(await list(-1, 16)).toEqual({ status: 0, text: '', written: 0, next: -1 });
  });

  test('need no place for the next, but all of what they name', async () => {
    const { puppet, handle } = await open();
    await puppet.call(`${module}.header_insert`, handle, 'x-a', '1');
    const name = puppet.put(100, 'x-a');
    const get = (...rest: number[]) =>
      puppet.call(`${module}.header_values_get`, handle, ...name, ...rest);
    expect(await get(END - 2, 2, 0, 0, 200)).toBe(0);
    expect(await get(END - 1, 2, 0, 0, 200)).toBe(2);
    expect(await get(END - 2, 2, 0, END - 7, 200)).toBe(2);
    expect(await get(END - 2, 2, 0, 0, END - 3)).toBe(2);
    expect(await puppet.call(`${module}.header_insert`, handle, END - 2, 3, ...name)).toBe(2);
    expect(await puppet.call(`${module}.header_append`, handle, ...name, END - 2, 3)).toBe(2);
    expect(await puppet.call(`${module}.header_remove`, handle, END - 2, 3)).toBe(2);
  });

  test.each([
    ['a name that is no token', 'x a', '1', 1],
    ['no name', '', '1', 1],
    ['a line end in the value', 'x-a', '1\r\nx-b: 2', 1],
    ['a name that is too long', 'x'.repeat(5_000), '1', 0],
  ])('with %s', async (_what, name, value, status) => {
    const { puppet, handle } = await open();
    for (const way of ['insert', 'append']) {
      expect(await puppet.call(`${module}.header_${way}`, handle, name, value)).toBe(status);
    }
  });

  test('beyond their limits are refused, and nothing changes', async () => {
    const puppet = await createFastlyPuppet({ limits: { replyHeadersMax: 2 } });
    const handle = await puppet.number(`${module}.new`);
    const append = () => puppet.call(`${module}.header_append`, handle, 'x-a', '1');
    expect([await append(), await append(), await append()]).toEqual([0, 0, 13]);
    expect((await puppet.list(`${module}.header_values_get`, [handle, 'x-a'])).text).toBe(
      '1\x001\0',
    );
  });

  test('count as memory of the run', async () => {
    const puppet = await createFastlyPuppet({ limits: { memoryBytesMax: 65_536 } });
    const handles = [await puppet.number(`${module}.new`), await puppet.number(`${module}.new`)];
    const value = 'v'.repeat(40_000);
    const insert = (index: number) =>
      puppet.call(`${module}.header_insert`, handles[index] ?? 0, 'x-a', value);
    expect([await insert(0), await insert(1)]).toEqual([0, 13]);
    expect(await puppet.call(`${module}.close`, handles[0] ?? 0)).toBe(0);
    expect(await insert(1)).toBe(0);
  });

  test('of handles that name nothing are badf', async () => {
    const puppet = await createFastlyPuppet();
    for (const name of ['header_names_get', 'header_values_get']) {
      const args = name === 'header_names_get' ? [] : ['x-a'];
      expect((await puppet.list(`${module}.${name}`, [77, ...args])).status).toBe(3);
    }
    expect((await puppet.value(`${module}.header_value_get`, 77, 'x-a')).status).toBe(3);
    for (const way of ['insert', 'append', 'values_set']) {
      expect(await puppet.call(`${module}.header_${way}`, 77, 'x-a', '1')).toBe(3);
    }
    expect(await puppet.call(`${module}.header_remove`, 77, 'x-a')).toBe(3);
  });
});

test("the visitor's fields count, too, and are given back once", async () => {
  const held = { bytes: 0 };
  const puppet = await createFastlyPuppet({
    request: { headers: [['x-a', 'v'.repeat(997)]] },
    hostMemory: {
      tryHoldObjects: () => true,
      tryHold: (bytes) => {
        held.bytes += bytes;
        return true;
      },
      release: (bytes) => {
        held.bytes -= bytes;
      },
    },
  });
  const { request } = await puppet.downstream();
  const whole = held.bytes;
  expect(whole).toBeGreaterThanOrEqual(1_000);
  await puppet.call('fastly_http_req.header_remove', request, 'x-a');
  expect(held.bytes).toBeLessThanOrEqual(whole - 1_000);
  await puppet.call('fastly_http_req.close', request);
  expect(held.bytes).toBe(0);
});

test('lines of next to nothing count for what they are in memory', async () => {
  const puppet = await createFastlyPuppet({ limits: { memoryBytesMax: 100_000 } });
  const statuses: number[] = [];
  for (let turn = 0; turn < 10; turn += 1) {
    const request = await puppet.number('fastly_http_req.new');
    const values = '\0'.repeat(200);
    statuses.push(await puppet.call('fastly_http_req.header_values_set', request, 'x', values));
  }
  expect(statuses.slice(0, 4)).toEqual([0, 0, 0, 0]);
  expect(statuses.at(-1)).toBe(13);
});
