/** The contract of a shared store: writes that depend on what is there, and whole files. */
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import type { SharedStore, StoredBlob } from '../../../src/outside/store/contract.ts';
import { bytes, digestOf, put, readText, space, wait } from './contract-words.ts';

export function describeChanges(connect: () => SharedStore): void {
  describe('changes', () => {
    let store: SharedStore;
    beforeEach(() => {
      store = connect();
    });
    test('say what was there, and do what their name says', async () => {
      const key = bytes('a');
      const change = async (op: 'put' | 'add' | 'append' | 'prepend' | 'delete', value = '') => {
        const done = await store.change(space, { key, op, value: bytes(value) }, wait);
        return [done.before !== 0, await readText(store, 'a')];
      };
      expect(await change('add', '1')).toEqual([false, '1']);
      expect(await change('add', '2')).toEqual([true, '1']);
      expect(await change('append', '2')).toEqual([true, '12']);
      expect(await change('prepend', '0')).toEqual([true, '012']);
      expect(await change('put', 'x')).toEqual([true, 'x']);
      expect(await change('delete')).toEqual([true, undefined]);
      expect(await change('delete')).toEqual([false, undefined]);
      expect(await change('append', '3')).toEqual([false, '3']);
    });

    test('hold their condition', async () => {
      const key = bytes('a');
      const done = await store.change(space, { key, op: 'put', value: key }, wait);
      const revision = done.kind === 'done' ? done.revision : -1;
      const wrong = { key, op: 'append', value: key, ifRevision: revision + 1 } as const;
      const late = await store.change(space, wrong, wait);
      expect(late).toEqual({ kind: 'conflict', before: revision });
      expect(await readText(store, 'a')).toBe('a');
    });

    test('count in decimal, within 64 bits', async () => {
      const key = bytes('n');
      const count = async (by: bigint) => {
        const done = await store.change(space, { key, op: 'increment', by }, wait);
        return done.kind === 'done' ? done.number : undefined;
      };
      expect([await count(5n), await count(-7n), await readText(store, 'n')]).toEqual([
        5n,
        -2n,
        '-2',
      ]);
      await store.commit(space, [put('n', '9223372036854775806')], wait);
      expect(await count(1n)).toBe(9223372036854775807n);
      await expect(count(1n)).rejects.toMatchObject({ kind: 'input' });
      await store.commit(space, [put('n', 'no number')], wait);
      await expect(count(1n)).rejects.toMatchObject({ kind: 'input' });
      expect(await readText(store, 'n')).toBe('no number');
    });
  });
}

export function describeBlobs(connect: () => SharedStore): void {
  describe('blobs', () => {
    let store: SharedStore;
    beforeEach(() => {
      store = connect();
    });
    test('of 0 bytes, 1 byte and 11 MB are there by their digest until removed', async () => {
      const contents = [Buffer.alloc(0), Buffer.from('x'), randomBytes(11_000_000)];
      const { blobs } = store;
      for (const content of contents) await blobs.put(digestOf(content), content);
      for (const content of contents) {
        const read = await connect().blobs.get(digestOf(content));
        expect(read !== undefined && Buffer.compare(read, content)).toBe(0);
      }
      const listed: StoredBlob[] = [];
      for await (const blob of blobs.list()) listed.push(blob);
      expect(listed.map(({ digest }) => digest).sort()).toEqual(contents.map(digestOf).sort());
      for (const blob of listed) expect(await blobs.remove(blob)).toBe(true);
      for (const blob of listed) expect(await blobs.remove(blob)).toBe(false);
      const never = { digest: digestOf(Buffer.from('never there')), storedAtMs: 1 };
      expect(await blobs.remove(never)).toBe(false);
      for (const content of contents) {
        expect(await blobs.get(digestOf(content))).toBeUndefined();
      }
      for await (const blob of blobs.list()) expect.unreachable(blob.digest);
    });

    test('that are stored again since they were seen are not removed', async () => {
      const content = Buffer.from('again');
      const digest = digestOf(content);
      const { blobs } = store;
      await blobs.put(digest, content);
      const seen: StoredBlob[] = [];
      for await (const blob of blobs.list()) if (blob.digest === digest) seen.push(blob);
      const [old] = seen;
      if (old === undefined) return expect.unreachable('it was stored');
      await expect.poll(() => Date.now()).toBeGreaterThan(old.storedAtMs);
      await blobs.put(digest, content);
      expect(await blobs.remove(old)).toBe(false);
      expect(await connect().blobs.get(digest)).toEqual(content);
    });

    test('under a wrong digest are refused', async () => {
      const wrong = store.blobs.put(digestOf(Buffer.from('a')), Buffer.from('b'));
      await expect(wrong).rejects.toMatchObject({ kind: 'input' });
      expect(await store.blobs.get(digestOf(Buffer.from('a')))).toBeUndefined();
    });
  });
}
