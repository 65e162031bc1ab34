/**
 * What every engine of the shared store must do, rule by rule; docs/stores.md numbers them. A test
 * file of an engine calls `describeContract` with a way to open it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import type { Notice, SharedStore } from '../../../src/outside/store/contract.ts';
import { keyBytesMax, writesPerCommitMax } from '../../../src/outside/store/write-rules.ts';
import { describeBlobs, describeChanges } from './contract-changes.ts';
import {
  bytes,
  guests,
  hasHeard,
  type Installation,
  put,
  readText,
  revisionOf,
  revisions,
  space,
  text,
  wait,
} from './contract-words.ts';

export function describeContract(name: string, open: () => Promise<Installation>): void {
  describe(`the contract of a shared store: ${name}`, () => {
    let installation: Installation;
    let store: SharedStore;

    beforeEach(async () => {
      installation = await open();
      store = installation.connect();
    });

    afterEach(() => installation.end());

    describe('R1: what is done is durable', () => {
      test('it is there after everything was closed and opened again', async () => {
        await store.commit(space, [put('a', '1')], wait);
        await store.commit(guests, [put('a', '2')], wait);
        await installation.restart();
        const again = installation.connect();
        expect([await readText(again, 'a'), await readText(again, 'a', guests)]).toEqual([
          '1',
          '2',
        ]);
      });
    });

    describe('R2: a commit is atomic', () => {
      test('one bad condition of three changes nothing, and is named', async () => {
        const [first] = await revisions(store, [put('a', '1')]);
        const writes = [
          put('a', '2', { ifRevision: first ?? -1 }),
          put('b', '2', { ifRevision: 7 }),
          put('c', '2', { ifRevision: 0 }),
        ];
        const result = await store.commit(space, writes, wait);
        expect(result).toEqual({ kind: 'conflict', keys: [bytes('b')] });
        const read = await store.read(space, ['a', 'b', 'c'].map(bytes));
        expect(read.map((entry) => text(entry?.value))).toEqual(['1', undefined, undefined]);
      });

      test('999 writes are one commit, 1,000 are refused', async () => {
        const many = Array.from({ length: writesPerCommitMax }, (_, n) => put(`${n}`, 'v'));
        expect((await revisions(store, many)).length).toBe(999);
        await expect(store.commit(space, [...many, put('x', 'v')], wait)).rejects.toMatchObject({
          kind: 'limit',
          message: expect.stringMatching(/at most 999 writes: received 1000$/),
        });
        expect(await readText(store, 'x')).toBeUndefined();
      });

      test('a commit of more than 16 MiB is refused', async () => {
        const value = new Uint8Array(9 * 1024 * 1024);
        const writes = ['a', 'b'].map((key) => ({ ...put(key, ''), value }));
        await expect(store.commit(space, writes, wait)).rejects.toMatchObject({ kind: 'limit' });
        expect(await readText(store, 'a')).toBeUndefined();
      });

      test('a key that is named twice is refused', async () => {
        const twice = [put('a', '1'), put('b', '1'), put('a', '2')];
        await expect(store.commit(space, twice, wait)).rejects.toMatchObject({ kind: 'input' });
        expect(await readText(store, 'b')).toBeUndefined();
      });

      test('keys of every length and every byte', async () => {
        const keys = [
          ...[0, 1, 1_024, 1_025, keyBytesMax].map((length) => new Uint8Array(length).fill(0x61)),
          ...['.', '*', '>', 'a.b', '$', 'a b', '\0', 'ä'].map(bytes),
          Uint8Array.of(0xff, 0xfe, 0, 0xc3, 0x28),
        ];
        for (const key of keys) await store.commit(space, [{ key, op: 'put', value: key }], wait);
        const read = await store.read(space, keys);
        expect(read.map((entry) => entry?.value)).toEqual(keys);
        const long = new Uint8Array(keyBytesMax + 1);
        const writes = [{ key: long, op: 'put' } as const];
        await expect(store.commit(space, writes, wait)).rejects.toMatchObject({ kind: 'limit' });
      });

      test('the largest value of a guest, and one byte more', async () => {
        const value = new Uint8Array(defaultLimits.kvValueBytesMax).fill(1);
        await store.commit(guests, [{ key: bytes('a'), op: 'put', value }], wait);
        expect((await store.read(guests, [bytes('a')]))[0]?.value).toEqual(value);
        const more = [
          { key: bytes('b'), op: 'put', value: new Uint8Array(value.length + 1) },
        ] as const;
        await expect(store.commit(guests, more, wait)).rejects.toMatchObject({ kind: 'limit' });
      });
    });

    describe('R3, R4, R5: what is read', () => {
      test('one’s own writes at once, those of others once they are done', async () => {
        const other = installation.connect();
        for (let n = 0; n < 30; n += 1) {
          await store.commit(space, [put('a', `${n}`)], wait);
          expect(await readText(store, 'a')).toBe(`${n}`);
          const seen: string[] = [];
          const look = async (): Promise<void> => {
            // What is known is read without a turn of the event loop, in which notices arrive.
            await nextTurn();
            seen.push((await readText(other, 'a')) ?? '-1');
          };
          await look();
          while (installation.isFollowing === true && seen.at(-1) !== `${n}`) await look();
          expect(seen.at(-1)).toBe(`${n}`);
          // Never back.
          expect(seen).toEqual([...seen].sort((a, b) => Number(a) - Number(b)));
        }
      });

      test('fresh is never older than what is done', async () => {
        const other = installation.connect();
        await other.commit(space, [put('a', 'new')], wait);
        const [entry] = await store.read(space, [bytes('a')], { fresh: true });
        expect(text(entry?.value)).toBe('new');
      });

      test('revisions grow with every write of a key', async () => {
        const seen: number[] = [];
        for (let n = 0; n < 5; n += 1) {
          seen.push(...(await revisions(store, [put('a', 'same')])));
          expect(await revisionOf(store, 'a')).toBe(seen.at(-1));
        }
        expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
        await installation.restart();
        store = installation.connect();
        const [after] = await revisions(store, [put('a', 'same')]);
        expect(after).toBeGreaterThan(seen.at(-1) ?? 0);
      });

      test('16 clients count 3,200 by compare and set', async () => {
        const clients = Array.from({ length: 16 }, () => installation.connect());
        const count = async (client: SharedStore): Promise<void> => {
          for (let done = 0; done < 20; ) {
            const [entry] = await client.read(space, [bytes('n')]);
            const value = String(Number(text(entry?.value) ?? 0) + 10);
            const write = put('n', value, { ifRevision: entry?.revision ?? 0 });
            const result = await client.commit(space, [write], wait);
            if (result.kind === 'done') done += 1;
          }
        };
        await Promise.all(clients.map(count));
        expect(await readText(store, 'n')).toBe('3200');
      });

      test('threads and processes count by change, and none is lost', async () => {
        const { counted } = await installation.increment(space, 'n', 100);
        expect(await readText(store, 'n')).toBe(String(counted));
        expect(counted).toBeGreaterThanOrEqual(200);
      });
    });

    describe('R6: what is not known', () => {
      test('without time nothing is stored', async () => {
        const none = store.commit(space, [put('a', '1')], { deadlineMs: 0 });
        await expect(none).rejects.toMatchObject({ kind: 'unavailable' });
        const aborted = store.commit(space, [put('a', '1')], {
          ...wait,
          signal: AbortSignal.abort(),
        });
        await expect(aborted).rejects.toMatchObject({ kind: 'unavailable' });
        expect(await readText(store, 'a')).toBeUndefined();
      });

      test('closing with writes that wait: each is answered or refused', async () => {
        const keys = Array.from({ length: 50 }, (_, n) => `${n}`);
        const sent = keys.map((key) => store.commit(space, [put(key, 'v')], wait));
        await store.close();
        const ends = await Promise.allSettled(sent);
        const again = installation.connect();
        for (const [n, end] of ends.entries()) {
          const value = await readText(again, `${n}`);
          if (end.status === 'fulfilled') expect(value).toBe('v');
          else expect(end.reason.kind).toMatch(/^(unavailable|unknown)$/);
        }
        await expect(store.read(space, [bytes('0')])).rejects.toMatchObject({
          kind: 'unavailable',
        });
        expect(store.state).toBe('refused');
      });
    });

    describe('R7: expiry', () => {
      test('is by the reader’s clock, to the millisecond, and counts as absent', async () => {
        let nowMs = Date.now();
        const timed = installation.connect({ nowMs: () => nowMs });
        await timed.commit(space, [put('a', '1', { ttlMs: 1_000 }), put('b', '1')], wait);
        nowMs += 999;
        const [entry] = await timed.read(space, [bytes('a')]);
        expect(text(entry?.value)).toBe('1');
        expect(entry?.expiresAtMs).toBe(nowMs + 1);
        nowMs += 1;
        expect(await readText(timed, 'a')).toBeUndefined();
        const { items } = await timed.list(space, { prefix: bytes(''), limit: 10 });
        expect(items.map(({ key }) => text(key))).toEqual(['b']);
        const added = await timed.commit(space, [put('a', '2', { ifRevision: 0 })], wait);
        expect(added.kind).toBe('done');
        nowMs += 1_000_000;
        expect(await readText(timed, 'a')).toBe('2');
      });

      test('appending keeps it, putting ends it', async () => {
        let nowMs = Date.now();
        const timed = installation.connect({ nowMs: () => nowMs });
        const change = (op: 'put' | 'append', value: string, ttlMs?: number) => {
          const timing = ttlMs === undefined ? {} : { ttlMs };
          return timed.change(space, { key: bytes('a'), op, value: bytes(value), ...timing }, wait);
        };
        await change('put', '1', 1_000);
        await change('append', '2');
        expect((await timed.read(space, [bytes('a')]))[0]?.expiresAtMs).toBe(nowMs + 1_000);
        nowMs += 1_000;
        await change('append', '3');
        expect(await readText(timed, 'a')).toBe('3');
        await change('put', '4', 1_000);
        await change('put', '5');
        nowMs += 1_000;
        expect(await readText(timed, 'a')).toBe('5');
      });
    });

    describe('R8: lists', () => {
      test('3,000 keys by prefix and cursor, while others come and go', async () => {
        const keys = Array.from({ length: 3_000 }, (_, n) => `p/${String(n).padStart(4, '0')}`);
        for (let at = 0; at < keys.length; at += 750) {
          await store.commit(
            space,
            keys.slice(at, at + 750).map((key) => put(key, 'v')),
            wait,
          );
        }
        await store.commit(space, [put('o', ''), put('p', ''), put('p0', ''), put('q', '')], wait);
        const seen: string[] = [];
        for (let after: Uint8Array | undefined; ; ) {
          // A Buffer, whose `slice` is no copy, stays what it is.
          const options = { prefix: Buffer.from('p/'), limit: 400 };
          const page = await store.list(space, after ? { ...options, after } : options);
          seen.push(...page.items.map(({ key }) => text(key) ?? ''));
          after = page.items.at(-1)?.key;
          // Behind the cursor: what goes and what comes there makes nothing skip or double.
          const gone = { key: after ?? bytes('p/'), op: 'delete' } as const;
          await store.commit(space, [gone, put(`p/0000-${seen.length}`, 'late')], wait);
          if (page.isLast) break;
        }
        expect(seen).toEqual(keys);
      });

      test('in the order of bytes, with sizes and revisions', async () => {
        const keys = [[0xff], [0xff, 0xff], [0x7f], [0xc3, 0xa4], [0]].map((key) =>
          Uint8Array.from(key),
        );
        for (const key of keys) await store.commit(space, [{ key, op: 'put', value: key }], wait);
        const { items, isLast } = await store.list(space, { prefix: bytes(''), limit: 5 });
        expect(items.map(({ key }) => [...key])).toEqual([
          ...[[0], [0x7f], [0xc3, 0xa4]],
          ...[[0xff], [0xff, 0xff]],
        ]);
        expect(items.map(({ bytes: size }) => size)).toEqual([1, 1, 2, 1, 2]);
        expect(items.every(({ revision }) => revision > 0)).toBe(true);
        expect(isLast).toBe(true);
        const prefix = Uint8Array.of(0xff);
        const after = await store.list(space, { prefix, after: prefix, limit: 1 });
        expect(after.items.map(({ key }) => [...key])).toEqual([[0xff, 0xff]]);
        // A Buffer's `slice` shares its bytes: the caller's prefix stays what it is.
        const buffer = Buffer.from([0xc3]);
        const below = await store.list(space, { prefix: buffer, limit: 5 });
        expect(below.items.map(({ key }) => [...key])).toEqual([[0xc3, 0xa4]]);
        expect([...buffer]).toEqual([0xc3]);
      });
    });

    describe('R9: watches', () => {
      test('after ready, commits of the space are told to everybody, no others', async () => {
        const other = installation.connect();
        const told: Notice[][] = [[], []];
        const watches = [store, other].map((each, at) =>
          each.watch(space, (notice) => told[at]?.push(notice)),
        );
        await Promise.all(watches.map(({ ready }) => ready));
        const [revision] = await revisions(store, [put('a', '1')]);
        await store.commit({ ...space, name: 'another' }, [put('z', '1')], wait);
        await store.commit(space, [{ key: bytes('a'), op: 'delete' }], wait);
        for (const notices of told) {
          await expect
            .poll(() => hasHeard(notices, 'a', revision ?? 0) && hasHeard(notices, 'a', 0))
            .toBe(true);
          expect(notices.some((each) => each !== 'reset' && text(each.key) === 'z')).toBe(false);
        }
        for (const watch of watches) watch.close();
        const before = told.map(({ length }) => length);
        await store.commit(space, [put('b', '1')], wait);
        await other.commit(space, [put('b', '2')], wait);
        expect(told.map(({ length }) => length)).toEqual(before);
      });
    });

    describe('R10: absent and empty', () => {
      test('an empty value is there; deleting what is absent is done', async () => {
        await store.commit(space, [{ key: bytes('a'), op: 'put' }], wait);
        expect((await store.read(space, [bytes('a')]))[0]?.value).toEqual(new Uint8Array());
        const remove = [{ key: bytes('a'), op: 'delete' } as const];
        expect(await store.commit(space, remove, wait)).toEqual({ kind: 'done', revisions: [0] });
        expect(await store.commit(space, remove, wait)).toEqual({ kind: 'done', revisions: [0] });
        const added = await store.commit(space, [put('a', '1', { ifRevision: 0 })], wait);
        expect(added.kind).toBe('done');
        const again = await store.commit(space, [put('a', '2', { ifRevision: 0 })], wait);
        expect(again.kind).toBe('conflict');
      });

      test('meta is kept with the value, and bounded', async () => {
        await store.commit(space, [put('a', '1', { meta: bytes('note') })], wait);
        expect(text((await store.read(space, [bytes('a')]))[0]?.meta)).toBe('note');
        await store.commit(space, [put('a', '1')], wait);
        expect((await store.read(space, [bytes('a')]))[0]?.meta).toBeUndefined();
        const long = [put('a', '1', { meta: new Uint8Array(2_001) })];
        await expect(store.commit(space, long, wait)).rejects.toMatchObject({ kind: 'limit' });
      });
    });

    describeChanges(() => store);
    describeBlobs(() => installation.connect());
  });
}
