import { describe, expect, test } from 'vitest';
import { useKeyValue } from '../../../capability/kv/client-bench.ts';
import { END } from '../../../support/fastly-puppet.ts';
import {
  CFG,
  insert,
  KV,
  list,
  lookup,
  OUT,
  openStore,
  readAll,
  remove,
  startInsert,
} from './kv-guest.ts';

const OLD = 'fastly_object_store';
const bench = useKeyValue();
/** One character a byte, as puppets are given text. */
const bytesOf = (text: string): string => Buffer.from(text).toString('latin1');
const open = (options: Parameters<typeof openStore>[1] = {}) => openStore(bench, options);

describe('fastly_kv_store', () => {
  test('stores, gives, deletes', async () => {
    const { puppet, store } = await open();
    expect(await puppet.number(`${KV}.open`, 'notes')).toBe(store);
    expect(await lookup(puppet, store, 'a')).toEqual({ status: 0, error: 3 });
    expect(await insert(puppet, store, 'a', 'one', { metadata: 'm ü' })).toBe(1);
    expect(await lookup(puppet, store, 'a')).toMatchObject({ value: 'one', meta: 'm ü' });
    expect(await insert(puppet, store, 'a', '')).toBe(1);
    expect(await lookup(puppet, store, 'a')).toMatchObject({ value: '', meta: '' });
    expect(await remove(puppet, store, 'a')).toBe(1);
    expect(await remove(puppet, store, 'a')).toBe(3);
    expect(await lookup(puppet, store, 'a')).toEqual({ status: 0, error: 3 });
  });

  test('adds, appends and prepends', async () => {
    const { puppet, store } = await open();
    expect(await insert(puppet, store, 'a', 'b', { mode: 1 })).toBe(1);
    expect(await insert(puppet, store, 'a', 'x', { mode: 1 })).toBe(4);
    expect(await insert(puppet, store, 'a', 'c', { mode: 2 })).toBe(1);
    expect(await insert(puppet, store, 'a', 'a', { mode: 3 })).toBe(1);
    expect(await lookup(puppet, store, 'a')).toMatchObject({ value: 'abc' });
    expect(await insert(puppet, store, 'new', 'n', { mode: 2 })).toBe(1);
    expect(await lookup(puppet, store, 'new')).toMatchObject({ value: 'n' });
  });

  test('writes only over the generation that the guest has seen', async () => {
    const { puppet, store } = await open();
    await insert(puppet, store, 'a', 'one');
    const { generation = 0n } = await lookup(puppet, store, 'a');
    expect(generation).toBeGreaterThan(0n);
    expect(await insert(puppet, store, 'a', 'two', { generation })).toBe(1);
    expect(await insert(puppet, store, 'a', 'three', { generation })).toBe(4);
    expect(await insert(puppet, store, 'a', 'x', { generation: 2n ** 64n - 1n })).toBe(4);
    expect(await insert(puppet, store, 'b', 'new', { generation })).toBe(1);
    expect(await insert(puppet, store, 'b', 'x', { generation })).toBe(4);
    expect(await lookup(puppet, store, 'b')).toMatchObject({ value: 'new' });
    expect(await lookup(puppet, store, 'a')).toMatchObject({ value: 'two' });
  });

  test('forgets what has had its time', async () => {
    const { puppet, store } = await open();
    expect(await insert(puppet, store, 'a', 'one', { seconds: 0 })).toBe(1);
    expect(await lookup(puppet, store, 'a')).toEqual({ status: 0, error: 3 });
    expect(await insert(puppet, store, 'b', 'one', { seconds: 3_600 })).toBe(1);
    expect(await lookup(puppet, store, 'b')).toMatchObject({ value: 'one' });
  });

  test('lists keys by prefix, some at a time', async () => {
    const { puppet, store } = await open();
    for (const key of ['a1', 'a2', 'a3', 'b', bytesOf('ü')]) await insert(puppet, store, key, '');
    expect(await list(puppet, store)).toMatchObject({
      data: ['a1', 'a2', 'a3', 'b', 'ü'],
      meta: { limit: 1_000 },
    });
    const first = await list(puppet, store, { prefix: 'a', limit: 2, mode: 1 });
    expect(first).toMatchObject({ data: ['a1', 'a2'], meta: { limit: 2, prefix: 'a' } });
    const cursor = first.meta.next_cursor;
    const second = await list(puppet, store, { prefix: 'a', limit: 2, cursor });
    expect(second).toMatchObject({ data: ['a3'] });
    expect(second.meta).toEqual({ limit: 2, prefix: 'a' });
    expect(await list(puppet, store, { limit: 5_000 })).toMatchObject({ meta: { limit: 1_000 } });
    expect(await list(puppet, store, { cursor: '!!' })).toEqual({ status: 0, error: 2 });
  });

  test('gives metadata only into a room that has enough, and takes nothing before', async () => {
    const { puppet, store } = await open();
    await insert(puppet, store, 'a', 'one', { metadata: 'four' });
    const pending = await puppet.number(`${KV}.lookup`, store, 'a', 0, CFG);
    const wait = (len: number) =>
      puppet.call(
        `${KV}.lookup_wait_v2`,
        ...[pending, OUT, OUT + 64, len, OUT + 8, OUT + 16, OUT + 24],
      );
    expect(await wait(3)).toBe(4);
    expect(puppet.u32(OUT + 8)).toBe(4);
    expect(await wait(4)).toBe(0);
    expect(await readAll(puppet, puppet.u32(OUT))).toBe('one');
    expect(await wait(4)).toBe(3);
  });

  test('older guests get a generation of 32 bits, which is 0', async () => {
    const { puppet, store } = await open();
    await insert(puppet, store, 'a', 'one');
    const pending = await puppet.number(`${KV}.lookup`, store, 'a', 0, CFG);
    puppet.bytes.fill(0xaa, OUT, OUT + 32);
    const status = await puppet.call(
      `${KV}.lookup_wait`,
      ...[pending, OUT, OUT + 64, 0, OUT + 8, OUT + 16, OUT + 24],
    );
    expect([status, puppet.u32(OUT + 16), puppet.u32(OUT + 20)]).toEqual([0, 0, 0xaaaaaaaa]);
  });

  test.each([
    ['empty', ''],
    ['too long', 'k'.repeat(1_025)],
    ['with a line end', 'a\nb'],
    ['a dot', '.'],
    ['two dots', '..'],
    ['a challenge', '.well-known/acme-challenge/x'],
  ])('a key that is %s is inval', async (_, key) => {
    const { puppet, store } = await open();
    const body = await puppet.body('x');
    puppet.bytes.writeUInt32LE(0, CFG);
    expect(await puppet.call(`${KV}.lookup`, store, key, 0, CFG, OUT)).toBe(2);
    expect(await puppet.call(`${KV}.insert`, store, key, body, 0, CFG, OUT)).toBe(2);
    expect(await puppet.call(`${KV}.delete`, store, key, 0, CFG, OUT)).toBe(2);
    expect(await puppet.read(body)).toBe('x');
  });

  test('takes a key of 1024 bytes', async () => {
    const { puppet, store } = await open();
    const key = 'k'.repeat(1_024);
    puppet.bytes.write(key, 4_096);
    const body = await puppet.body('x');
    puppet.bytes.writeUInt32LE(0, CFG);
    const pending = await puppet.number(`${KV}.insert`, store, 4_096, 1_024, body, 0, CFG);
    expect(await puppet.number(`${KV}.insert_wait`, pending)).toBe(1);
  });

  test('answers what is wrong before it takes anything', async () => {
    const { puppet, store } = await open();
    const body = await puppet.body('x');
    const call = (name: string, ...args: (number | string)[]) =>
      puppet.call(`${KV}.${name}`, ...args);
    expect(await call('open', 'other', OUT)).toBe(2);
    expect(await call('open', 'notes', END - 3)).toBe(2);
    expect(await call('lookup', 99, 'a', 0, CFG, OUT)).toBe(3);
    expect(await call('lookup', store, 'a', 1, CFG, OUT)).toBe(2);
    expect(await call('lookup', store, 'a', 0, CFG, END - 3)).toBe(2);
    expect(await call('delete', store, 'a', 1, CFG, OUT)).toBe(2);
    expect(await call('list', store, 1, CFG, OUT)).toBe(2);
    expect(await call('list', store, 0, END - 3, OUT)).toBe(2);
    puppet.bytes.writeUInt32LE(4, CFG);
    expect(await call('insert', store, 'a', body, 0, CFG, OUT)).toBe(2);
    expect(await call('list', store, 0, CFG, OUT)).toBe(2);
    puppet.bytes.writeUInt32LE(0, CFG);
    puppet.bytes.writeUInt32LE(0, CFG + 12);
    expect(await call('insert', store, 'a', body, 1, CFG, OUT)).toBe(2);
    expect(await call('insert', store, 'a', body, 8, CFG, OUT)).toBe(2);
    expect(await call('insert', store, 'a', body, 32, END - 31, OUT)).toBe(2);
    expect(await call('insert', store, 'a', body, 0, END - 3, OUT)).toBe(2);
    expect(await call('insert', store, 'a', 99, 0, CFG, OUT)).toBe(3);
    expect(await call('insert', store, 'a', body, 0, CFG, END - 3)).toBe(2);
    expect(await call('list', store, 4, CFG, OUT)).toBe(2);
    expect(await puppet.read(body)).toBe('x');
  });

  test('reads of a structure only the fields whose bits are set', async () => {
    const { puppet, store } = await open();
    const body = await puppet.body('x');
    puppet.bytes.writeUInt32LE(0, END - 4);
    const pending = await puppet.number(`${KV}.insert`, store, 'a', body, 0, END - 4);
    expect(await puppet.number(`${KV}.insert_wait`, pending)).toBe(1);
  });

  test('waits for each operation by its own function, once', async () => {
    const { puppet, store } = await open();
    const pending = await startInsert(puppet, store, { key: 'a', value: 'x' });
    const lookingUp = await puppet.number(`${KV}.lookup`, store, 'b', 0, CFG);
    expect(lookingUp).toBeGreaterThan(pending);
    expect(await puppet.call(`${KV}.delete_wait`, pending, OUT)).toBe(3);
    expect(await puppet.call(`${KV}.insert_wait`, pending, END - 3)).toBe(2);
    expect(await puppet.call(`${KV}.list_wait`, pending, OUT, OUT + 4)).toBe(3);
    expect(await puppet.number(`${KV}.insert_wait`, pending)).toBe(1);
    expect(await puppet.call(`${KV}.insert_wait`, pending, OUT)).toBe(3);
    expect(await puppet.call('fastly_http_body.close', lookingUp)).toBe(3);
  });

  test('stores a body that is still arriving when all of it is there', async () => {
    const { puppet, store } = await open({ body: 'later' });
    const { body } = await puppet.downstream();
    puppet.bytes.writeUInt32LE(0, CFG);
    puppet.bytes.fill(0, CFG, CFG + 32);
    const pending = await puppet.number(`${KV}.insert`, store, 'a', body, 0, CFG);
    expect(await puppet.call('fastly_http_body.close', body)).toBe(3);
    const waiting = puppet.number(`${KV}.insert_wait`, pending);
    puppet.exchange.arriving.push(Buffer.from('he'));
    puppet.exchange.arriving.push(Buffer.from('llo'));
    puppet.exchange.arriving.end();
    expect(await waiting).toBe(1);
    expect(await lookup(puppet, store, 'a')).toMatchObject({ value: 'hello' });
  });

  test('sees the writes that it has started and not waited for', async () => {
    const { puppet, store } = await open({ body: 'later' });
    const { body } = await puppet.downstream();
    puppet.bytes.writeUInt32LE(0, CFG);
    const slow = await puppet.number(`${KV}.insert`, store, 'a', body, 0, CFG);
    const appending = await startInsert(puppet, store, { key: 'a', value: '+', mode: 2 });
    const looking = await puppet.number(`${OLD}.lookup_async`, store, 'a');
    expect(await insert(puppet, store, 'b', 'not held up')).toBe(1);
    expect(await puppet.number('fastly_async_io.is_ready', looking)).toBe(0);
    puppet.exchange.arriving.push(Buffer.from('slow'));
    puppet.exchange.arriving.end();
    const found = await puppet.number(`${OLD}.pending_lookup_wait`, looking);
    expect(await readAll(puppet, found)).toBe('slow+');
    expect(await puppet.number(`${KV}.insert_wait`, slow)).toBe(1);
    expect(await puppet.number(`${KV}.insert_wait`, appending)).toBe(1);
    await puppet.number(`${KV}.delete`, store, 'a', 0, CFG);
    expect(await list(puppet, store)).toMatchObject({ data: ['b'] });
  });

  test('a value above the limit is too large, and told the owner', async () => {
    const { puppet, store } = await open({ limits: { kvValueBytesMax: 4 } });
    expect(await insert(puppet, store, 'a', 'four')).toBe(1);
    expect(await insert(puppet, store, 'a', 'fives')).toBe(5);
    expect(await insert(puppet, store, 'a', 'x', { mode: 2 })).toBe(5);
    expect(await insert(puppet, store, 'b', 'x', { metadata: 'm'.repeat(2_001) })).toBe(5);
    expect(puppet.world.logLines.join()).toMatch(/a value has at most/);
    expect(await lookup(puppet, store, 'a')).toMatchObject({ value: 'four' });
  });

  test('more operations than a run may are too many', async () => {
    const { puppet, store } = await open({ limits: { kvOperationsPerRunMax: 1 } });
    expect(await insert(puppet, store, 'a', 'x')).toBe(1);
    expect(await insert(puppet, store, 'a', 'x')).toBe(7);
  });

  test('has as many under way as a run may', async () => {
    const { puppet, store } = await open({ limits: { fastlyHandlesPerRunMax: 2 } });
    const start = () => puppet.call(`${KV}.lookup`, store, 'a', 0, CFG, OUT);
    expect([await start(), await start(), await start()]).toEqual([0, 0, 13]);
  });

  test('holds a body that comes a byte at a time for more than its bytes', async () => {
    const limits = { memoryBytesMax: 20_000 };
    const { puppet, store } = await open({ limits, body: 'later' });
    const { body } = await puppet.downstream();
    for (let at = 0; at < 300; at += 1) puppet.exchange.arriving.push(Buffer.from('x'));
    puppet.exchange.arriving.end();
    puppet.bytes.fill(0, CFG, CFG + 32);
    const pending = await puppet.number(`${KV}.insert`, store, 'a', body, 0, CFG);
    expect(await puppet.number(`${KV}.insert_wait`, pending)).toBe(5);
  });

  test('is not the store of that name of another folder', async () => {
    const alice = await open();
    const bob = await open({ folder: '/keybase/public/bob' });
    await insert(alice.puppet, alice.store, 'a', 'of alice');
    expect(await lookup(bob.puppet, bob.store, 'a')).toEqual({ status: 0, error: 3 });
    expect(await list(bob.puppet, bob.store)).toMatchObject({ data: [] });
  });

  test('forgets its handles with the run, and finishes what was started', async () => {
    const { puppet, store } = await open();
    const pending = await startInsert(puppet, store, { key: 'a', value: 'kept' });
    puppet.end();
    puppet.begin();
    expect(await puppet.call(`${KV}.insert_wait`, pending, OUT)).toBe(3);
    expect(await puppet.call(`${KV}.lookup`, store, 'a', 0, CFG, OUT)).toBe(3);
    const again = await puppet.number(`${KV}.open`, 'notes');
    await expect
      .poll(async () => (await lookup(puppet, again, 'a')).value, { timeout: 60_000 })
      .toBe('kept');
  });
});
