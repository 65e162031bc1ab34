import { describe, expect, test } from 'vitest';
import { createFastlyPuppet, type FastlyPuppet } from '../../../support/fastly-puppet.ts';

const HTTP = 'fastly_http_cache';
const OPTIONS = 4_000;
const OUT = 4_500;
const s = 1_000_000_000n;

async function request(
  puppet: FastlyPuppet,
  url: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<number> {
  const handle = await puppet.number('fastly_http_req.new');
  await puppet.call('fastly_http_req.uri_set', handle, url);
  await puppet.call('fastly_http_req.method_set', handle, method);
  for (const [name, value] of Object.entries(headers)) {
    await puppet.call('fastly_http_req.header_insert', handle, name, value);
  }
  return handle;
}

async function response(
  puppet: FastlyPuppet,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  const handle = await puppet.number('fastly_http_resp.new');
  await puppet.call('fastly_http_resp.status_set', handle, status);
  for (const [name, value] of Object.entries(headers)) {
    await puppet.call('fastly_http_resp.header_insert', handle, name, value);
  }
  return handle;
}

const look = (puppet: FastlyPuppet, handle: number): Promise<number> =>
  puppet.number(`${HTTP}.transaction_lookup`, handle, 0, 0);
const state = (puppet: FastlyPuppet, handle: number): Promise<number> =>
  puppet.number(`${HTTP}.get_state`, handle);

/** Writes max_age_ns, stale_while_revalidate_ns and stale_if_error_ns; the mask and the address. */
function times(
  puppet: FastlyPuppet,
  maxAge: bigint,
  swr = 0n,
  sie = 0n,
): readonly [number, number] {
  puppet.bytes.writeBigUInt64LE(maxAge, OPTIONS);
  puppet.bytes.writeBigUInt64LE(swr, OPTIONS + 24);
  puppet.bytes.writeBigUInt64LE(sie, OPTIONS + 48);
  return [8 | 128, OPTIONS];
}

async function store(
  puppet: FastlyPuppet,
  url: string,
  { maxAge = 60n * s, swr = 0n, sie = 0n, headers = {}, text = 'kept' } = {},
): Promise<void> {
  const lookup = await look(puppet, await request(puppet, url));
  const kept = await response(puppet, 200, headers);
  const options = times(puppet, maxAge, swr, sie);
  const body = await puppet.number(`${HTTP}.transaction_insert`, lookup, kept, ...options);
  await puppet.number('fastly_http_body.write', body, text, 0);
  await puppet.call('fastly_http_body.close', body);
  // Kits go on to write to it.
  const insert = 'fastly_http_resp.header_insert';
  expect(await puppet.call(insert, kept, 'x-cache', 'MISS')).toBe(0);
  const names = await puppet.list('fastly_http_resp.header_names_get', [kept]);
  expect(names.text).toBe('x-cache\0');
  expect(await puppet.call('fastly_http_resp.close', kept)).toBe(0);
}

async function found(puppet: FastlyPuppet, lookup: number, transform = 1) {
  expect(await puppet.call(`${HTTP}.get_found_response`, lookup, transform, OUT, OUT + 4)).toBe(0);
  const [handle, body] = [puppet.u32(OUT), puppet.u32(OUT + 4)];
  expect(await puppet.call('fastly_http_resp.status_get', handle, OUT)).toBe(0);
  const status = puppet.bytes.readUInt16LE(OUT);
  const header = async (name: string): Promise<string> =>
    (await puppet.value('fastly_http_resp.header_value_get', handle, name)).text;
  return { status, header, text: await puppet.read(body) };
}

describe('answers in the cache', () => {
  test('are kept with their heads, and given as the request wants them', async () => {
    const puppet = await createFastlyPuppet();
    const url = 'http://origin.test/a';
    await store(puppet, url, { headers: { etag: '"1"', 'content-type': 'text/plain' } });
    const lookup = await look(puppet, await request(puppet, url));
    expect(await state(puppet, lookup)).toBe(3);
    puppet.world.cache.nowMs += 2_500;
    const whole = await found(puppet, lookup);
    expect([whole.status, whole.text]).toEqual([200, 'kept']);
    expect(await whole.header('age')).toBe('2');
    expect(await whole.header('x-cache')).toBe('HIT');
    expect(await whole.header('x-cache-hits')).toBe('1');
    const raw = await found(puppet, lookup, 0);
    expect(await raw.header('age')).toBe('');
    const part = await look(puppet, await request(puppet, url, { range: 'bytes=1-2' }));
    expect(await found(puppet, part)).toMatchObject({ status: 206, text: 'ep' });
    const same = await look(puppet, await request(puppet, url, { 'if-none-match': '"1"' }));
    expect(await found(puppet, same)).toMatchObject({ status: 304, text: '' });
    const head = await look(puppet, await request(puppet, url, {}, 'HEAD'));
    expect(await found(puppet, head)).toMatchObject({ status: 200, text: '' });
    expect(await puppet.number(`${HTTP}.get_sensitive_data`, lookup)).toBe(0);
    puppet.end();
  });

  test('know what was said when they were stored', async () => {
    const puppet = await createFastlyPuppet();
    await store(puppet, 'http://origin.test/a', { maxAge: 7n * s, swr: 3n * s, sie: 9n * s });
    const lookup = await look(puppet, await request(puppet, 'http://origin.test/a'));
    const expected = { max_age: 7n, stale_while_revalidate: 3n, stale_if_error: 9n, age: 0n };
    for (const [name, seconds] of Object.entries(expected)) {
      expect(await puppet.call(`${HTTP}.get_${name}_ns`, lookup, OUT)).toBe(0);
      expect(puppet.bytes.readBigUInt64LE(OUT)).toBe(seconds * s);
    }
    expect(await puppet.call(`${HTTP}.get_length`, lookup, OUT)).toBe(0);
    expect(puppet.bytes.readBigUInt64LE(OUT)).toBe(4n);
    expect(await puppet.call(`${HTTP}.get_hits`, lookup, OUT)).toBe(0);
    expect(puppet.bytes.readBigUInt64LE(OUT)).toBe(1n);
    expect(await puppet.value(`${HTTP}.get_vary_rule`, lookup)).toMatchObject({ text: '' });
    puppet.end();
  });

  test('that are stale are asked about, and go on where the server says so', async () => {
    const puppet = await createFastlyPuppet();
    const url = 'http://origin.test/a';
    await store(puppet, url, { maxAge: s, headers: { etag: '"1"' } });
    puppet.world.cache.nowMs += 2_000;
    const asked = await request(puppet, url, { 'if-none-match': '"visitor"', accept: 'x' });
    const lookup = await look(puppet, asked);
    expect(await state(puppet, lookup)).toBe(1 | 4 | 8);
    const outbound = await puppet.number(`${HTTP}.get_suggested_backend_request`, lookup);
    const header = 'fastly_http_req.header_value_get';
    expect(await puppet.value(header, outbound, 'if-none-match')).toMatchObject({ text: '"1"' });
    expect(await puppet.value(header, outbound, 'accept')).toMatchObject({ text: 'x' });
    const same = await response(puppet, 304, { etag: '"1"', 'x-new': 'yes' });
    const prepare = `${HTTP}.prepare_response_for_storage`;
    expect(await puppet.call(prepare, lookup, same, OUT, OUT + 4)).toBe(0);
    expect(puppet.u32(OUT)).toBe(1);
    const merged = puppet.u32(OUT + 4);
    const update = `${HTTP}.transaction_update_and_return_fresh`;
    const fresh = await puppet.number(update, lookup, merged, ...times(puppet, 60n * s));
    expect(await state(puppet, fresh)).toBe(3);
    const reply = await found(puppet, fresh, 0);
    expect([reply.status, reply.text]).toEqual([200, 'kept']);
    expect(await reply.header('x-new')).toBe('yes');
    expect(await puppet.call(update, lookup, merged, ...times(puppet, s), OUT)).toBe(3);
    puppet.end();
  });

  test('that are stale and turn out to be for one visitor are for that one alone', async () => {
    const puppet = await createFastlyPuppet();
    const url = 'http://origin.test/a';
    await store(puppet, url, { maxAge: s, headers: { etag: '"1"' } });
    puppet.world.cache.nowMs += 2_000;
    const lookup = await look(puppet, await request(puppet, url));
    const own = { etag: '"1"', 'cache-control': 'private', 'set-cookie': 'user=alice' };
    const same = await response(puppet, 304, own);
    const prepare = `${HTTP}.prepare_response_for_storage`;
    expect(await puppet.call(prepare, lookup, same, OUT, OUT + 4)).toBe(0);
    expect(puppet.u32(OUT)).toBe(1);
    const merged = puppet.u32(OUT + 4);
    const update = `${HTTP}.transaction_update_and_return_fresh`;
    const fresh = await puppet.number(update, lookup, merged, ...times(puppet, 60n * s));
    const reply = await found(puppet, fresh);
    expect([reply.status, reply.text]).toEqual([200, 'kept']);
    expect(await reply.header('set-cookie')).toBe('user=alice');
    const next = await look(puppet, await request(puppet, url));
    expect(await state(puppet, next)).toBe(0);
    puppet.end();
  });

  test('that were kept by their program as private ones stay so', async () => {
    const puppet = await createFastlyPuppet();
    const url = 'http://origin.test/a';
    const headers = { etag: '"1"', 'cache-control': 'private' };
    await store(puppet, url, { maxAge: s, headers });
    puppet.world.cache.nowMs += 2_000;
    const lookup = await look(puppet, await request(puppet, url));
    const same = await response(puppet, 304, headers);
    const update = `${HTTP}.transaction_update`;
    expect(await puppet.call(update, lookup, same, ...times(puppet, 60n * s))).toBe(0);
    const next = await look(puppet, await request(puppet, url));
    expect(await state(puppet, next)).toBe(3);
    puppet.end();
  });

  test('that are stale are good where nothing better can be had', async () => {
    const puppet = await createFastlyPuppet();
    const url = 'http://origin.test/a';
    await store(puppet, url, { maxAge: s, sie: 100n * s });
    puppet.world.cache.nowMs += 2_000;
    const lookup = await look(puppet, await request(puppet, url));
    expect(await state(puppet, lookup)).toBe(1 | 4 | 8 | 16);
    const give = `${HTTP}.get_found_response`;
    expect(await puppet.call(give, lookup, 1, OUT, OUT + 4)).toBe(10);
    expect(await puppet.call(`${HTTP}.transaction_choose_stale`, lookup)).toBe(0);
    expect(await state(puppet, lookup)).toBe(1 | 2 | 4 | 16);
    expect(await found(puppet, lookup)).toMatchObject({ status: 200, text: 'kept' });
    expect(await puppet.call(`${HTTP}.transaction_choose_stale`, lookup)).toBe(3);
    puppet.world.cache.nowMs += 200_000;
    const tooOld = await look(puppet, await request(puppet, url));
    expect(await puppet.call(`${HTTP}.transaction_choose_stale`, tooOld)).toBe(3);
    expect(await puppet.call(`${HTTP}.transaction_abandon`, tooOld)).toBe(0);
    expect(await puppet.call(`${HTTP}.transaction_abandon`, tooOld)).toBe(3);
    puppet.end();
  });

  test('that cannot be kept oblige nobody for a while', async () => {
    const puppet = await createFastlyPuppet();
    const url = 'http://origin.test/a';
    const lookup = await look(puppet, await request(puppet, url));
    const record = `${HTTP}.transaction_record_not_cacheable`;
    expect(await puppet.call(record, lookup, ...times(puppet, 5n * s))).toBe(0);
    expect(await state(puppet, await look(puppet, await request(puppet, url)))).toBe(0);
    puppet.world.cache.nowMs += 5_001;
    expect(await state(puppet, await look(puppet, await request(puppet, url)))).toBe(8);
    puppet.end();
  });

  test('that were too old are found no more by who has replaced them', async () => {
    const puppet = await createFastlyPuppet();
    const url = 'http://origin.test/a';
    await store(puppet, url, { maxAge: s });
    puppet.world.cache.nowMs += 2_000;
    const lookup = await look(puppet, await request(puppet, url));
    expect(await state(puppet, lookup)).toBe(1 | 4 | 8);
    const name = `${HTTP}.transaction_insert`;
    await puppet.number(name, lookup, await response(puppet, 200), ...times(puppet, 60n * s));
    expect(await state(puppet, lookup)).toBe(0);
    puppet.end();
  });

  test('that are stale from the beginning are read by who stores them', async () => {
    const puppet = await createFastlyPuppet();
    const lookup = await look(puppet, await request(puppet, 'http://origin.test/a'));
    const kept = await response(puppet, 200);
    const name = `${HTTP}.transaction_insert_and_stream_back`;
    const options = times(puppet, 0n);
    expect(await puppet.call(name, lookup, kept, ...options, OUT, OUT + 4)).toBe(0);
    const [body, back] = [puppet.u32(OUT), puppet.u32(OUT + 4)];
    await puppet.number('fastly_http_body.write', body, 'now', 0);
    expect(await state(puppet, back)).toBe(7);
    expect(await found(puppet, back)).toMatchObject({ status: 200, text: 'now' });
    puppet.end();
  });

  test('can be read while they are written', async () => {
    const puppet = await createFastlyPuppet();
    const lookup = await look(puppet, await request(puppet, 'http://origin.test/a'));
    const kept = await response(puppet, 200);
    const name = `${HTTP}.transaction_insert_and_stream_back`;
    const options = times(puppet, s);
    expect(await puppet.call(name, lookup, kept, ...options, OUT, OUT + 4)).toBe(0);
    const [body, back] = [puppet.u32(OUT), puppet.u32(OUT + 4)];
    await puppet.number('fastly_http_body.write', body, 'now', 0);
    expect(await found(puppet, back)).toMatchObject({ status: 200, text: 'now' });
    expect(await puppet.call(`${HTTP}.close`, back)).toBe(0);
    expect(await puppet.call(`${HTTP}.close`, back)).toBe(3);
    puppet.end();
  });
});

describe('suggestions', () => {
  test('say which requests are looked up, and by which key', async () => {
    const puppet = await createFastlyPuppet();
    const [get, post] = [
      await request(puppet, 'http://origin.test/a'),
      await request(puppet, 'http://origin.test/a', {}, 'POST'),
    ];
    expect(await puppet.number(`${HTTP}.is_request_cacheable`, get)).toBe(1);
    expect(await puppet.number(`${HTTP}.is_request_cacheable`, post)).toBe(0);
    const key = await puppet.value(`${HTTP}.get_suggested_cache_key`, get);
    expect(key).toMatchObject({ status: 0, written: 32 });
    expect(await puppet.valueIn(31, `${HTTP}.get_suggested_cache_key`, get)).toMatchObject({
      ...{ status: 4, written: 32 },
    });
    puppet.put(6_000, Buffer.from(key.text, 'latin1'));
    for (const [offset, value] of [
      [0, 6_000],
      [4, 32],
    ] as const) {
      puppet.bytes.writeUInt32LE(value, OPTIONS + offset);
    }
    const lookup = `${HTTP}.transaction_lookup`;
    expect(await puppet.call(lookup, get, 2, OPTIONS, OUT)).toBe(0);
    puppet.bytes.writeUInt32LE(31, OPTIONS + 4);
    expect(await puppet.call(lookup, get, 2, OPTIONS, OUT)).toBe(2);
    expect(await puppet.call(lookup, get, 1, OPTIONS, OUT)).toBe(2);
    expect(await puppet.call(lookup, 99, 0, 0, OUT)).toBe(3);
    puppet.end();
  });

  test('ask the server for all of it', async () => {
    const puppet = await createFastlyPuppet();
    const url = 'http://origin.test/a';
    const lookup = await look(puppet, await request(puppet, url, { range: 'bytes=0-1' }, 'HEAD'));
    const outbound = await puppet.number(`${HTTP}.get_suggested_backend_request`, lookup);
    expect(await puppet.value('fastly_http_req.method_get', outbound)).toMatchObject({
      text: 'GET',
    });
    const header = 'fastly_http_req.header_value_get';
    expect(await puppet.value(header, outbound, 'range')).toMatchObject({ status: 2 });
    puppet.end();
  });

  test('of options are what the response says, in the room that there is', async () => {
    const puppet = await createFastlyPuppet();
    const lookup = await look(puppet, await request(puppet, 'http://origin.test/a'));
    const reply = await response(puppet, 200, {
      'cache-control': 'max-age=5, stale-while-revalidate=6, stale-if-error=7',
      ...{ age: '2', vary: 'Accept, X-B', 'surrogate-key': 'one two', 'content-length': '12' },
    });
    const room = (offset: number, ptr: number, len: number): void => {
      puppet.bytes.writeUInt32LE(ptr, OPTIONS + offset);
      puppet.bytes.writeUInt32LE(len, OPTIONS + offset + 4);
    };
    room(8, 20_000, 100);
    room(32, 21_000, 100);
    const name = `${HTTP}.get_suggested_cache_options`;
    const mask = 2 | 4 | 8 | 16 | 32 | 128;
    // The crate for Rust asks for the reserved bit, too, and must not be given it.
    expect(await puppet.call(name, lookup, reply, mask | 1, OPTIONS, OUT, OUT + 8)).toBe(0);
    expect(puppet.u32(OUT)).toBe(mask);
    const number64 = (offset: number): bigint => puppet.bytes.readBigUInt64LE(OUT + 8 + offset);
    expect([0, 16, 24, 48].map(number64)).toEqual([5n * s, 2n * s, 6n * s, 7n * s]);
    expect(number64(40)).toBe(12n);
    expect(puppet.text(20_000, puppet.u32(OUT + 8 + 12))).toBe('accept x-b');
    expect(puppet.text(21_000, puppet.u32(OUT + 8 + 36))).toBe('one two');
    room(32, 21_000, 6);
    expect(await puppet.call(name, lookup, reply, mask, OPTIONS, OUT, OUT + 8)).toBe(4);
    expect(puppet.u32(OUT + 8 + 36)).toBe(7);
    // A response that says no key has that which it is kept by.
    room(32, 21_000, 100);
    const bare = await response(puppet, 200);
    expect(await puppet.call(name, lookup, bare, mask, OPTIONS, OUT, OUT + 8)).toBe(0);
    expect(puppet.text(21_000, puppet.u32(OUT + 8 + 36))).toMatch(/^[0-9a-f]{64}$/);
    puppet.end();
  });

  test.each([
    [200, {}, 0],
    [500, {}, 2],
    [200, { 'cache-control': 'private' }, 3],
    [304, {}, 2],
  ])('what becomes of a %d with %j', async (status, headers, action) => {
    const puppet = await createFastlyPuppet();
    const lookup = await look(puppet, await request(puppet, 'http://origin.test/a'));
    const reply = await response(puppet, status, headers);
    const name = `${HTTP}.prepare_response_for_storage`;
    expect(await puppet.call(name, lookup, reply, OUT, OUT + 4)).toBe(0);
    expect(puppet.u32(OUT)).toBe(action);
    puppet.end();
  });
});
