import { describe, expect, test } from 'vitest';
import { useKeyValue } from '../../../capability/kv/client-bench.ts';
import { END, type FastlyPuppet } from '../../../support/fastly-puppet.ts';
import { lookup, OUT, openStore, readAll } from './kv-guest.ts';

const OLD = 'fastly_object_store';
const bench = useKeyValue();
const open = (options: Parameters<typeof openStore>[1] = {}) => openStore(bench, options);

describe('fastly_object_store', () => {
  async function put(puppet: FastlyPuppet, store: number, key: string, value: string) {
    return puppet.call(`${OLD}.insert`, store, key, await puppet.body(value));
  }

  test('is the same store by older words', async () => {
    const { puppet, store: kv } = await open();
    const store = await puppet.number(`${OLD}.open`, 'notes');
    expect(await put(puppet, store, 'a', 'one')).toBe(0);
    expect(await readAll(puppet, await puppet.number(`${OLD}.lookup`, store, 'a'))).toBe('one');
    expect(await lookup(puppet, kv, 'a')).toMatchObject({ value: 'one' });
    expect(await puppet.number(`${OLD}.lookup`, store, 'b')).toBe(0xffff_fffe);
  });

  test('starts operations and waits for them', async () => {
    const { puppet, store } = await open();
    const body = await puppet.body('one');
    const inserting = await puppet.number(`${OLD}.insert_async`, store, 'a', body);
    expect(await puppet.call(`${OLD}.pending_insert_wait`, inserting)).toBe(0);
    expect(await puppet.call(`${OLD}.pending_insert_wait`, inserting)).toBe(3);
    const looking = await puppet.number(`${OLD}.lookup_async`, store, 'a');
    const found = await puppet.number(`${OLD}.pending_lookup_wait`, looking);
    expect(await readAll(puppet, found)).toBe('one');
    const missing = await puppet.number(`${OLD}.lookup_async`, store, 'b');
    expect(await puppet.number(`${OLD}.pending_lookup_wait`, missing)).toBe(0xffff_fffe);
    const deleting = await puppet.number(`${OLD}.delete_async`, store, 'a');
    expect(await puppet.call(`${OLD}.pending_lookup_wait`, deleting, OUT)).toBe(3);
    expect(await puppet.call(`${OLD}.pending_delete_wait`, deleting)).toBe(0);
    const again = await puppet.number(`${OLD}.delete_async`, store, 'a');
    expect(await puppet.call(`${OLD}.pending_delete_wait`, again)).toBe(10);
  });

  test('answers what is wrong', async () => {
    const { puppet, store } = await open();
    expect(await puppet.call(`${OLD}.open`, 'other', OUT)).toBe(2);
    expect(await puppet.call(`${OLD}.lookup`, 99, 'a', OUT)).toBe(3);
    expect(await puppet.call(`${OLD}.lookup`, store, '', OUT)).toBe(2);
    expect(await puppet.call(`${OLD}.lookup`, store, 'a', END - 3)).toBe(2);
    expect(await puppet.call(`${OLD}.insert`, store, 'a', 99)).toBe(3);
    expect(await puppet.call(`${OLD}.pending_insert_wait`, 99)).toBe(3);
    expect(await puppet.call(`${OLD}.pending_delete_wait`, 99)).toBe(3);
    const { puppet: small, store: own } = await open({ limits: { kvValueBytesMax: 1 } });
    expect(await put(small, own, 'a', 'xx')).toBe(13);
  });
});
