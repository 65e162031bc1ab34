import { describe, expect, test } from 'vitest';
import { address, bodyOf, options, readAll } from '../../../capability/cache/cache-bodies.ts';
import { createFastlyPuppet, END, type FastlyPuppet } from '../../../support/fastly-puppet.ts';

const CACHE = 'fastly_cache';
const OPTIONS = 4_000;
const TEXT = 5_000;
const NO_OPTIONS = [0, 0] as const;
const s = 1_000_000_000n;

/** Fields of cache_write_options by where they stand. */
interface WriteFields {
  readonly maxAge?: bigint;
  readonly request?: number;
  readonly vary?: string;
  readonly initialAge?: bigint;
  readonly swr?: bigint;
  readonly keys?: string;
  readonly length?: bigint;
  readonly metadata?: string;
  readonly edgeMaxAge?: bigint;
}

/** Writes the structure; the mask of its fields and its address. */
function write(puppet: FastlyPuppet, fields: WriteFields): readonly [number, number] {
  let mask = 0;
  let at = TEXT;
  const text = (offset: number, value: string): void => {
    const [ptr, len] = puppet.put(at, value);
    at += len;
    puppet.bytes.writeUInt32LE(ptr, OPTIONS + offset);
    puppet.bytes.writeUInt32LE(len, OPTIONS + offset + 4);
  };
  const number = (offset: number, value: bigint): void => {
    puppet.bytes.writeBigUInt64LE(value, OPTIONS + offset);
  };
  number(0, fields.maxAge ?? 60n * s);
  const each: readonly [number, unknown, () => void][] = [
    [2, fields.request, () => puppet.bytes.writeUInt32LE(fields.request ?? 0, OPTIONS + 8)],
    [4, fields.vary, () => text(12, fields.vary ?? '')],
    [8, fields.initialAge, () => number(24, fields.initialAge ?? 0n)],
    [16, fields.swr, () => number(32, fields.swr ?? 0n)],
    [32, fields.keys, () => text(40, fields.keys ?? '')],
    [64, fields.length, () => number(48, fields.length ?? 0n)],
    [128, fields.metadata, () => text(56, fields.metadata ?? '')],
    [512, fields.edgeMaxAge, () => number(64, fields.edgeMaxAge ?? 0n)],
  ];
  for (const [bit, value, put] of each) {
    if (value === undefined) continue;
    mask |= bit;
    put();
  }
  return [mask, OPTIONS];
}

/** Inserts it whole. */
async function store(puppet: FastlyPuppet, key: string, text: string, fields: WriteFields = {}) {
  const body = await puppet.number(`${CACHE}.insert`, key, ...write(puppet, fields));
  await puppet.number('fastly_http_body.write', body, text, 0);
  expect(await puppet.call('fastly_http_body.close', body)).toBe(0);
}

async function number64(puppet: FastlyPuppet, name: string, handle: number): Promise<bigint> {
  expect(await puppet.call(`${CACHE}.${name}`, handle, 60_000)).toBe(0);
  return puppet.bytes.readBigUInt64LE(60_000);
}

const look = (puppet: FastlyPuppet, key: string): Promise<number> =>
  puppet.number(`${CACHE}.transaction_lookup`, key, ...NO_OPTIONS);
const state = (puppet: FastlyPuppet, handle: number, prefix = ''): Promise<number> =>
  puppet.number(`${CACHE}.${prefix}get_state`, handle);

describe('an object of the core cache', () => {
  test('is obliged to, inserted, and read back while it is written', async () => {
    const puppet = await createFastlyPuppet();
    const lookup = await look(puppet, 'k');
    expect(await state(puppet, lookup)).toBe(8);
    expect(await puppet.call(`${CACHE}.get_length`, lookup, 60_000)).toBe(10);
    expect(await puppet.call(`${CACHE}.get_body`, lookup, 0, 0, 60_000)).toBe(10);
    const fields = write(puppet, { metadata: 'meta', keys: 'a b', swr: 5n * s, initialAge: s });
    const name = `${CACHE}.transaction_insert_and_stream_back`;
    expect(await puppet.call(name, lookup, ...fields, 59_000, 59_004)).toBe(0);
    const [body, back] = [puppet.u32(59_000), puppet.u32(59_004)];
    expect(await state(puppet, lookup)).toBe(0);
    expect(await state(puppet, back)).toBe(3);
    await puppet.number('fastly_http_body.write', body, 'first ', 0);
    const read = await puppet.number(`${CACHE}.get_body`, back, 0, 0);
    expect(await puppet.read(read)).toBe('first ');
    await puppet.number('fastly_http_body.write', body, 'second', 0);
    await puppet.call('fastly_http_body.close', body);
    expect(await puppet.read(read)).toBe('second');
    expect(await puppet.read(read)).toBe('');
    expect(await number64(puppet, 'get_length', back)).toBe(12n);
    expect(await number64(puppet, 'get_max_age_ns', back)).toBe(60n * s);
    expect(await number64(puppet, 'get_stale_while_revalidate_ns', back)).toBe(5n * s);
    expect(await number64(puppet, 'get_age_ns', back)).toBe(s);
    expect(await number64(puppet, 'get_hits', back)).toBe(0n);
    expect(await puppet.value(`${CACHE}.get_user_metadata`, back)).toMatchObject({ text: 'meta' });
    expect(await puppet.valueIn(3, `${CACHE}.get_user_metadata`, back)).toMatchObject({
      ...{ status: 4, written: 4 },
    });
    const next = await look(puppet, 'k');
    expect(await number64(puppet, 'get_hits', next)).toBe(1n);
    puppet.world.cache.nowMs += 60_000;
    expect(await state(puppet, next)).toBe(7);
    expect(await state(puppet, await look(puppet, 'k'))).toBe(15);
    puppet.world.cache.nowMs += 6_000;
    expect(await state(puppet, next)).toBe(0);
    puppet.end();
  });

  test('gets other options by an update, and keeps its body', async () => {
    const puppet = await createFastlyPuppet();
    await store(puppet, 'k', 'the same', { maxAge: s, swr: 100n * s });
    puppet.world.cache.nowMs += 2_000;
    const lookup = await look(puppet, 'k');
    expect(await state(puppet, lookup)).toBe(15);
    const update = `${CACHE}.transaction_update`;
    expect(await puppet.call(update, lookup, ...write(puppet, { maxAge: 9n * s }))).toBe(0);
    expect(await puppet.call(update, lookup, ...write(puppet, {}))).toBe(3);
    const fresh = await look(puppet, 'k');
    expect(await state(puppet, fresh)).toBe(3);
    const body = await puppet.number(`${CACHE}.get_body`, fresh, 0, 0);
    expect(await puppet.read(body)).toBe('the same');
    puppet.end();
  });

  test('is read in part, by one body at a time', async () => {
    const puppet = await createFastlyPuppet();
    await store(puppet, 'k', '0123456789', { length: 10n });
    const lookup = await look(puppet, 'k');
    puppet.bytes.writeBigUInt64LE(2n, OPTIONS);
    puppet.bytes.writeBigUInt64LE(4n, OPTIONS + 8);
    const body = await puppet.number(`${CACHE}.get_body`, lookup, 6, OPTIONS);
    expect(await puppet.call(`${CACHE}.get_body`, lookup, 0, 0, 60_000)).toBe(3);
    expect(await puppet.read(body)).toBe('234');
    await puppet.call('fastly_http_body.close', body);
    const end = await puppet.number(`${CACHE}.get_body`, lookup, 4, OPTIONS);
    expect(await puppet.read(end)).toBe('6789');
    expect(await puppet.call(`${CACHE}.get_body`, lookup, 1, OPTIONS, 60_000)).toBe(2);
    expect(await puppet.call(`${CACHE}.get_body`, lookup, 8, OPTIONS, 60_000)).toBe(2);
    puppet.end();
  });

  test('varies by the headers of the request that is told', async () => {
    const puppet = await createFastlyPuppet();
    const [de, en] = [
      await puppet.number('fastly_http_req.new'),
      await puppet.number('fastly_http_req.new'),
    ];
    await puppet.call('fastly_http_req.header_insert', de, 'Accept-Language', 'de');
    await puppet.call('fastly_http_req.header_insert', en, 'accept-language', 'en');
    await store(puppet, 'k', 'deutsch', { request: de, vary: 'Accept-Language' });
    for (const [request, expected] of [
      [de, 3],
      [en, 8],
    ] as const) {
      puppet.bytes.writeUInt32LE(request, OPTIONS);
      const name = `${CACHE}.transaction_lookup`;
      const lookup = await puppet.number(name, 'k', 2, OPTIONS);
      expect(await state(puppet, lookup)).toBe(expected);
      expect(await puppet.call(`${CACHE}.close`, lookup)).toBe(0);
      expect(await puppet.call(`${CACHE}.close`, lookup)).toBe(3);
    }
    puppet.end();
  });
});

describe('the obligation', () => {
  test('is given up by cancelling, and badf afterwards', async () => {
    const puppet = await createFastlyPuppet();
    const lookup = await look(puppet, 'k');
    const waiting = puppet.world.cache.another().enter(address('k'));
    expect(await puppet.call(`${CACHE}.transaction_cancel`, lookup)).toBe(0);
    expect((await waiting).isObliged).toBe(true);
    expect(await puppet.call(`${CACHE}.transaction_cancel`, lookup)).toBe(3);
    const insert = `${CACHE}.transaction_insert`;
    expect(await puppet.call(insert, lookup, ...write(puppet, {}), 60_000)).toBe(3);
    puppet.end();
  });

  test('of another run is waited for, apart from the guest', async () => {
    const puppet = await createFastlyPuppet();
    const holder = await puppet.world.cache.another().enter(address('k'));
    const name = `${CACHE}.transaction_lookup_async`;
    const busy = await puppet.number(name, 'k', ...NO_OPTIONS);
    const given = await puppet.number(name, 'k', ...NO_OPTIONS);
    expect(await puppet.call(`${CACHE}.close_busy`, given)).toBe(0);
    const waiting = puppet.number(`${CACHE}.cache_busy_handle_wait`, busy);
    await holder.insert(options(), bodyOf('brought by another'));
    const lookup = await waiting;
    expect(await state(puppet, lookup)).toBe(3);
    const body = await puppet.number(`${CACHE}.get_body`, lookup, 0, 0);
    expect(await puppet.read(body)).toBe('brought by another');
    expect(await puppet.call(`${CACHE}.cache_busy_handle_wait`, busy, 60_000)).toBe(3);
    expect(await puppet.call(`${CACHE}.close_busy`, busy)).toBe(0);
    expect(await puppet.call(`${CACHE}.close_busy`, busy)).toBe(3);
    puppet.end();
  });

  test('is known to be ready, or to wait for another, as soon as one asks', async () => {
    const puppet = await createFastlyPuppet();
    const name = `${CACHE}.transaction_lookup_async`;
    const first = await puppet.number(name, 'k', ...NO_OPTIONS);
    const second = await puppet.number(name, 'k', ...NO_OPTIONS);
    const isReady = (busy: number) => puppet.number('fastly_async_io.is_ready', busy);
    expect(await isReady(first)).toBe(1);
    expect(await isReady(second)).toBe(0);
    const lookup = await puppet.number(`${CACHE}.cache_busy_handle_wait`, first);
    expect(await puppet.call(`${CACHE}.transaction_cancel`, lookup)).toBe(0);
    const other = await puppet.number(`${CACHE}.cache_busy_handle_wait`, second);
    expect(await state(puppet, other)).toBe(8);
    puppet.end();
  });

  test('of the run itself is not waited for where nothing else happens', async () => {
    const puppet = await createFastlyPuppet();
    const first = await look(puppet, 'k');
    const second = await look(puppet, 'k');
    const third = await look(puppet, 'k');
    expect(await state(puppet, first)).toBe(8);
    expect(await state(puppet, second)).toBe(0);
    const insert = `${CACHE}.transaction_insert`;
    const body = await puppet.number(insert, first, ...write(puppet, {}));
    await puppet.call('fastly_http_body.close', body);
    expect(await state(puppet, third)).toBe(3);
    puppet.end();
  });

  test('that the run gets while it waits for the same by another lookup is its own', async () => {
    const puppet = await createFastlyPuppet();
    const holder = await puppet.world.cache.another().enter(address('k'));
    const first = await look(puppet, 'k');
    const second = await look(puppet, 'k');
    const waiting = state(puppet, second);
    holder.giveUp();
    expect(await waiting).toBe(0);
    expect(await state(puppet, first)).toBe(8);
    puppet.end();
  });

  test('ends with the run, and so does a body that was not closed', async () => {
    const puppet = await createFastlyPuppet();
    await look(puppet, 'owed');
    const body = await puppet.number(`${CACHE}.insert`, 'half', ...write(puppet, {}));
    await puppet.number('fastly_http_body.write', body, 'half of it', 0);
    const other = puppet.world.cache.another();
    const waiting = other.enter(address('owed'));
    const reading = await (await other.find(address('half'))).found?.open();
    puppet.end({ kind: 'trapped', reason: 'unreachable' });
    expect((await waiting).isObliged).toBe(true);
    await expect(readAll(reading ?? bodyOf(''))).rejects.toThrow(/not written to its end/);
    expect((await other.find(address('half'))).found).toBeUndefined();
  });
});

describe('replacing', () => {
  const replace = async (puppet: FastlyPuppet, strategy: number): Promise<number> => {
    puppet.bytes.writeUInt32LE(strategy, OPTIONS + 4);
    return await puppet.number(`${CACHE}.replace`, 'k', 4, OPTIONS);
  };

  test.each([1, 2, 3])('by strategy %d knows what is there, and puts another', async (strategy) => {
    const puppet = await createFastlyPuppet();
    await store(puppet, 'k', 'old', { metadata: 'meta', length: 3n });
    const old = await replace(puppet, strategy);
    expect((await state(puppet, old, 'replace_')) & 3).toBe(3);
    expect(await puppet.value(`${CACHE}.replace_get_user_metadata`, old)).toMatchObject({
      text: 'meta',
    });
    expect(await number64(puppet, 'replace_get_length', old)).toBe(3n);
    expect(await number64(puppet, 'replace_get_max_age_ns', old)).toBe(60n * s);
    expect(await number64(puppet, 'replace_get_age_ns', old)).toBe(0n);
    expect(await number64(puppet, 'replace_get_hits', old)).toBe(1n);
    expect(await number64(puppet, 'replace_get_stale_while_revalidate_ns', old)).toBe(0n);
    const read = await puppet.number(`${CACHE}.replace_get_body`, old, 0, 0);
    expect(await puppet.read(read)).toBe('old');
    const body = await puppet.number(`${CACHE}.replace_insert`, old, ...write(puppet, {}));
    await puppet.number('fastly_http_body.write', body, 'new', 0);
    await puppet.call('fastly_http_body.close', body);
    expect(await puppet.call(`${CACHE}.replace_get_state`, old, 60_000)).toBe(3);
    const lookup = await look(puppet, 'k');
    const now = await puppet.number(`${CACHE}.get_body`, lookup, 0, 0);
    expect(await puppet.read(now)).toBe('new');
    puppet.end();
  });

  test('by a strategy that there is not is inval', async () => {
    const puppet = await createFastlyPuppet();
    puppet.bytes.writeUInt32LE(9, OPTIONS + 4);
    expect(await puppet.call(`${CACHE}.replace`, 'k', 4, OPTIONS, 60_000)).toBe(2);
    puppet.end();
  });
});

describe('purging', () => {
  test('takes away, or makes stale, and answers with an id', async () => {
    const puppet = await createFastlyPuppet();
    await store(puppet, 'k', 'x', { keys: 'one two', swr: 100n * s });
    const purge = 'fastly_purge.purge_surrogate_key';
    expect(await puppet.call(purge, 'two', 1, OPTIONS)).toBe(0);
    const stale = await look(puppet, 'k');
    expect(await state(puppet, stale)).toBe(15);
    await puppet.call(`${CACHE}.close`, stale);
    for (const [offset, value] of [
      [0, 30_000],
      [4, 1_000],
      [8, 31_000],
    ] as const) {
      puppet.bytes.writeUInt32LE(value, OPTIONS + offset);
    }
    expect(await puppet.call(purge, 'one', 2, OPTIONS)).toBe(0);
    const answer = JSON.parse(puppet.text(30_000, puppet.u32(31_000)));
    expect(answer).toMatchObject({ status: 'ok', id: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect(await state(puppet, await look(puppet, 'k'))).toBe(8);
    expect(await puppet.call(purge, 'two words', 0, 0)).toBe(2);
    expect(await puppet.call(purge, 'x', 4, OPTIONS)).toBe(2);
    puppet.end();
  });
});

test('nothing is purged where there is no room for the answer', async () => {
  const puppet = await createFastlyPuppet();
  await store(puppet, 'k', 'x', { keys: 'one' });
  const purge = async (ptr: number, len: number): Promise<number> => {
    puppet.bytes.writeUInt32LE(ptr, OPTIONS);
    puppet.bytes.writeUInt32LE(len, OPTIONS + 4);
    puppet.bytes.writeUInt32LE(31_000, OPTIONS + 8);
    return puppet.call('fastly_purge.purge_surrogate_key', 'one', 2, OPTIONS);
  };
  expect(await puppet.call('fastly_purge.purge_surrogate_key', 'one', 2, 65_530)).toBe(2);
  expect([await purge(65_530, 100), await purge(30_000, 38)]).toEqual([2, 4]);
  const needed = puppet.u32(31_000);
  expect(await state(puppet, await look(puppet, 'k'))).toBe(3);
  expect(await purge(30_000, needed)).toBe(0);
  expect(await state(puppet, await look(puppet, 'k'))).toBe(8);
  puppet.end();
});

describe('an object whose age at the edge is over', () => {
  test('is fresh here for as long as it is at all', async () => {
    const puppet = await createFastlyPuppet();
    await store(puppet, 'k', 'text', { maxAge: 60n * s, initialAge: 2n * s, edgeMaxAge: s });
    const lookup = await look(puppet, 'k');
    expect(await state(puppet, lookup)).toBe(3);
    expect(await number64(puppet, 'get_max_age_ns', lookup)).toBe(60n * s);
    puppet.end();
  });
});

describe('options and addresses that are no good', () => {
  test('are told by their status, and nothing is done', async () => {
    const puppet = await createFastlyPuppet();
    const insert = `${CACHE}.insert`;
    expect(await puppet.call(insert, 'k', 1, OPTIONS, 60_000)).toBe(2);
    expect(await puppet.call(insert, 'k', 2_048, OPTIONS, 60_000)).toBe(2);
    expect(await puppet.call(insert, 'k', 1_024, OPTIONS, 60_000)).toBe(5);
    expect(await puppet.call(insert, 'k', ...write(puppet, { vary: 'a:b' }), 60_000)).toBe(2);
    const names = Array.from({ length: 65 }, (_, at) => `x-${at}`);
    const tooMany = write(puppet, { vary: names.join(' ') });
    expect(await puppet.call(insert, 'k', ...tooMany, 60_000)).toBe(13);
    const edge = write(puppet, { maxAge: s, edgeMaxAge: 2n * s });
    expect(await puppet.call(insert, 'k', ...edge, 60_000)).toBe(2);
    expect(await puppet.call(insert, 'k', ...write(puppet, { request: 77 }), 60_000)).toBe(3);
    expect(await puppet.call(insert, 'k', 0, END - 4, 60_000)).toBe(2);
    expect(await puppet.call(insert, 'k', 0, OPTIONS, END - 3)).toBe(2);
    const lookup = await look(puppet, 'k');
    const transaction = `${CACHE}.transaction_insert`;
    expect(await puppet.call(transaction, lookup, 2, OPTIONS, 60_000)).toBe(2);
    for (const name of ['lookup', 'transaction_lookup', 'transaction_lookup_async']) {
      expect(await puppet.call(`${CACHE}.${name}`, 'k', 1, OPTIONS, 60_000)).toBe(2);
      expect(await puppet.call(`${CACHE}.${name}`, 'k', 4, OPTIONS, 60_000)).toBe(5);
      expect(await puppet.call(`${CACHE}.${name}`, 0, 8_136, 0, 0, 60_000)).toBe(2);
      expect(await puppet.call(`${CACHE}.${name}`, 'k', 0, 0, END - 3)).toBe(2);
    }
    expect(puppet.world.cache.keeper.counts.stored).toBe(0);
    puppet.end();
  });

  test('in fields whose bit is not set are not read', async () => {
    const puppet = await createFastlyPuppet();
    const at = END - 8;
    puppet.bytes.writeBigUInt64LE(5n * s, at);
    const body = await puppet.number(`${CACHE}.insert`, 'k', 256, at);
    await puppet.call('fastly_http_body.close', body);
    expect(await number64(puppet, 'get_max_age_ns', await look(puppet, 'k'))).toBe(5n * s);
    puppet.end();
  });
});
