import { describe, expect, test } from 'vitest';
import { Account } from '../../../src/account/account.ts';
import { ownerOf } from '../../../src/names.ts';
import {
  address,
  alice,
  bob,
  bodyOf,
  openBody,
  options,
  readAll,
  store,
  textOf,
  useCache,
} from './cache-bench.ts';

const bench = useCache();

describe('an object', () => {
  test('is fresh, then stale and usable while one brings a new one, then neither', async () => {
    const keeper = bench.openKeeper();
    const run = bench.openRun(keeper);
    const times = { maxAgeMs: 1_000, initialAgeMs: 100, staleWhileRevalidateMs: 500 };
    await store(run, 'k', 'old', { ...times, staleIfErrorMs: 5_000 });
    bench.nowMs += 899;
    const fresh = await run.enter(address('k'));
    expect(fresh.found).toMatchObject({ isFresh: true, isUsable: true, ageMs: 999 });
    expect(fresh.isObliged).toBe(false);
    bench.nowMs += 2;
    const first = await run.enter(address('k'));
    expect(first.found).toMatchObject({ isFresh: false, isUsable: true });
    expect(first.isObliged).toBe(true);
    const second = await bench.openRun(keeper).enter(address('k'));
    expect(second.found?.isUsable).toBe(true);
    expect(second.isObliged).toBe(false);
    first.giveUp();
    bench.nowMs += 600;
    const expired = await run.enter(address('k'));
    expect(expired.found).toMatchObject({ isUsable: false, isUsableIfError: true });
    expect(expired.isObliged).toBe(true);
  });

  test('has what was stored with it, and knows how often it was found', async () => {
    const run = bench.openRun(bench.openKeeper());
    const metadata = Uint8Array.of(0, 255, 3);
    await store(run, 'k', 'x', { metadata, isSensitive: true, surrogateKeys: ['a', 'b'] });
    for (let hits = 1; hits <= 3; hits += 1) {
      const { found } = await run.find(address('k'));
      expect(found?.hits).toBe(hits);
      expect(found?.options).toMatchObject({ metadata, isSensitive: true });
      expect(found?.options.surrogateKeys).toEqual(['a', 'b']);
    }
  });

  test('gets other options and keeps its body by an update', async () => {
    const keeper = bench.openKeeper();
    const run = bench.openRun(keeper);
    await store(run, 'k', 'the same', { maxAgeMs: 10 });
    bench.nowMs += 11;
    const entry = await run.enter(address('k'));
    const waiting = bench.openRun(keeper).enter(address('k'));
    const fresh = await entry.update(options({ maxAgeMs: 5_000, metadata: Uint8Array.of(1) }));
    expect(fresh).toMatchObject({ isFresh: true, ageMs: 0, hits: 0 });
    expect(await textOf(fresh)).toBe('the same');
    expect(await textOf((await waiting).found)).toBe('the same');
    expect(keeper.room.objects).toBe(1);
    expect(entry.isObliged).toBe(false);
  });

  test('cannot be updated where it is gone meanwhile', async () => {
    const keeper = bench.openKeeper();
    const run = bench.openRun(keeper);
    await store(run, 'k', 'x', { maxAgeMs: 10, surrogateKeys: ['s'] });
    bench.nowMs += 11;
    const entry = await run.enter(address('k'));
    await run.purge('s', 'hard');
    await expect(entry.update(options())).rejects.toThrow(/is not there any more/);
    expect((await run.enter(address('k'))).isObliged).toBe(true);
  });

  test('that is stale is good for all who wait, where somebody has chosen it', async () => {
    const keeper = bench.openKeeper();
    const run = bench.openRun(keeper);
    await store(run, 'k', 'stale', { maxAgeMs: 10, staleIfErrorMs: 5_000 });
    bench.nowMs += 100;
    const entry = await run.enter(address('k'));
    const waiting = [1, 2].map(() => bench.openRun(keeper).enter(address('k')));
    for (let turn = 0; turn < 5; turn += 1) await new Promise((next) => setImmediate(next));
    entry.chooseStale();
    expect(entry.found).toMatchObject({ isUsable: true, isFresh: false });
    for (const one of await Promise.all(waiting)) {
      expect(one.isObliged).toBe(false);
      expect(one.found).toMatchObject({ isUsable: true, isUsableIfError: true });
      expect(await textOf(one.found)).toBe('stale');
    }
    expect((await run.enter(address('k'))).isObliged).toBe(true);
  });
});

describe('purging by a surrogate key', () => {
  test('takes away what has it, of the site alone', async () => {
    const keeper = bench.openKeeper();
    const run = bench.openRun(keeper);
    const other = bench.openRun(keeper, bob);
    await store(run, 'a', 'a', { surrogateKeys: ['one', 'both'] });
    await store(run, 'b', 'b', { surrogateKeys: ['both'] });
    await store(run, 'c', 'c');
    await store(other, 'a', 'bob', { surrogateKeys: ['both'] });
    expect(await run.purge('both', 'hard')).toBe(2);
    expect(await run.purge('both', 'hard')).toBe(0);
    expect((await run.find(address('a'))).found).toBeUndefined();
    expect(await textOf((await run.find(address('c'))).found)).toBe('c');
    expect(await textOf((await other.find(address('a'))).found)).toBe('bob');
  });

  test('takes away as many as there are, also where it takes several steps', async () => {
    const keeper = bench.openKeeper();
    const run = bench.openRun(keeper);
    for (let count = 0; count < 100; count += 1) {
      await store(run, `k${count}`, 'x', { surrogateKeys: ['s'] });
    }
    expect(await run.purge('s', 'hard')).toBe(100);
    expect(keeper.room.objects).toBe(0);
  });

  test('softly makes it stale', async () => {
    const run = bench.openRun(bench.openKeeper());
    await store(run, 'k', 'x', { surrogateKeys: ['s'] });
    expect(await run.purge('s', 'soft')).toBe(1);
    const entry = await run.enter(address('k'));
    expect(entry.found).toMatchObject({ isFresh: false, isUsable: true });
    expect(entry.isObliged).toBe(true);
  });

  test('softly, again and again, has nothing to do but with what is new', async () => {
    const run = bench.openRun(bench.openKeeper());
    for (const key of ['a', 'b']) await store(run, key, key, { surrogateKeys: ['s', 'other'] });
    expect(await run.purge('s', 'soft')).toBe(2);
    expect(await run.purge('s', 'soft')).toBe(0);
    await store(run, 'c', 'c', { surrogateKeys: ['s'] });
    expect(await run.purge('s', 'soft')).toBe(1);
    expect(await run.purge('other', 'hard')).toBe(2);
    expect(await run.purge('s', 'hard')).toBe(1);
  });
});

describe('a part of a body', () => {
  test.each([
    [{ from: 2, to: 4 }, '234'],
    [{ from: 7 }, '789'],
    [{ to: 3 }, '789'],
    [{ from: 0, to: 0 }, '0'],
    [{ from: 10 }, '0123456789'],
    [{ from: 4, to: 2 }, '0123456789'],
    [{ from: 4, to: 10 }, '0123456789'],
    [{ to: 0 }, '0123456789'],
    [{ to: 11 }, '0123456789'],
  ])('%j is %s', async (range, expected) => {
    const run = bench.openRun(bench.openKeeper());
    await store(run, 'k', '0123456789');
    const { found } = await run.find(address('k'));
    expect(await readAll((await found?.open(range)) ?? bodyOf(''))).toBe(expected);
  });

  test('of one that is still written is all of it, unless it was asked for strictly', async () => {
    const keeper = bench.openKeeper();
    const body = openBody();
    body.push(Buffer.from('0123'));
    const stored = await bench.openRun(keeper).insert(address('k'), options(), body);
    const loose = await stored.open({ from: 1, to: 2 });
    const strict = stored.open({ from: 5, to: 6, isStrict: true });
    const fromEnd = stored.open({ to: 3, isStrict: true });
    body.push(Buffer.from('456789'));
    body.end();
    expect(await readAll(loose)).toBe('0123456789');
    expect(await readAll(await strict)).toBe('56');
    expect(await readAll(await fromEnd)).toBe('789');
  });
});

describe('room', () => {
  test('is made within a site by what was not used for the longest time', async () => {
    const keeper = bench.openKeeper({ cacheSiteBytesMax: 40_000 });
    const run = bench.openRun(keeper);
    await store(run, 'a', 'a'.repeat(10_000));
    await store(run, 'b', 'b'.repeat(10_000));
    await run.find(address('a'));
    await store(run, 'c', 'c'.repeat(20_000));
    expect((await run.find(address('b'))).found).toBeUndefined();
    expect((await run.find(address('a'))).found).toBeDefined();
    expect(keeper.room.bytesOf(alice)).toBeLessThanOrEqual(40_000);
    expect(keeper.counts.evicted).toBe(1);
  });

  test('is taken by the headers that objects vary by, too', async () => {
    const keeper = bench.openKeeper();
    const run = bench.openRun(keeper);
    const at = address('k', [['x-long', 'x'.repeat(20_000)]]);
    await textOf(await run.insert(at, options({ varyBy: ['x-long'] }), bodyOf('small')));
    expect(keeper.room.bytes).toBeGreaterThan(20_000);
  });

  test('is made by the owner who has the most', async () => {
    const keeper = bench.openKeeper({ cacheBytesMax: 60_000 });
    const small = bench.openRun(keeper, bob);
    await store(small, 'mine', 'b'.repeat(5_000));
    const large = bench.openRun(keeper);
    for (let key = 0; key < 20; key += 1) await store(large, `k${key}`, 'a'.repeat(10_000));
    expect(await textOf((await small.find(address('mine'))).found)).toBe('b'.repeat(5_000));
    expect(keeper.room.bytes).toBeLessThanOrEqual(60_000);
  });

  test('is on the account of its owner, and given back', async () => {
    const keeper = bench.openKeeper();
    const run = bench.openRun(keeper);
    const share = new Account(bench.account, 'control').shareOf(ownerOf(alice));
    await store(run, 'k', 'a'.repeat(300_000), { surrogateKeys: ['s'] });
    await run.purge('nothing', 'soft');
    run.close();
    expect(share.held('bytes')).toBe(keeper.room.bytes);
    expect(keeper.room.bytes).toBeGreaterThan(300_000);
    await bench.openRun(keeper).purge('s', 'hard');
    expect(keeper.room.bytes).toBe(0);
    expect(share.held('bytes')).toBe(0);
  });

  test('is taken by who waits or is obliged, with the headers that were asked with', async () => {
    const keeper = bench.openKeeper();
    const share = new Account(bench.account, 'control').shareOf(ownerOf(alice));
    const asked = address('k', [['x-long', 'x'.repeat(300_000)]]);
    const run = bench.openRun(keeper);
    await run.enter(asked);
    expect(share.held('bytes')).toBeGreaterThan(300_000);
    const waiting = bench.openRun(keeper);
    const gaveUp = expect(waiting.enter(asked)).rejects.toMatchObject({ kind: 'abandoned' });
    expect(share.held('bytes')).toBeGreaterThan(600_000);
    waiting.close();
    await gaveUp;
    run.close();
    expect(share.held('bytes')).toBe(0);
  });

  test('is taken by what lookups have found, as often as it was found', async () => {
    const keeper = bench.openKeeper();
    const share = new Account(bench.account, 'control').shareOf(ownerOf(alice));
    const writer = bench.openRun(keeper);
    await store(writer, 'k', 'x', { metadata: new Uint8Array(60_000) });
    await writer.purge('nothing', 'soft');
    writer.close();
    const storedBytes = share.held('bytes');
    const run = bench.openRun(keeper);
    for (let turn = 0; turn < 20; turn += 1) await run.find(address('k'));
    expect(share.held('bytes') - storedBytes).toBeGreaterThan(1_000_000);
    run.close();
    expect(share.held('bytes')).toBe(storedBytes);
  });

  test('is not there for who asks where memory is short', async () => {
    const run = bench.openRun(bench.openKeeper());
    new Account(bench.account, 'control').shareOf(ownerOf(alice)).charge('cache', 1024 ** 3);
    await expect(run.enter(address('k'))).rejects.toMatchObject({ kind: 'limit' });
  });

  test('is not there for one that is too large: who stored it gets it all the same', async () => {
    const keeper = bench.openKeeper({ cacheEntryBytesMax: 100_000 });
    const run = bench.openRun(keeper, alice, { cacheEntryBytesMax: 100_000 });
    const text = 'large'.repeat(60_000);
    const body = openBody();
    for (let at = 0; at < text.length; at += 50_000) {
      body.push(Buffer.from(text.slice(at, at + 50_000)));
    }
    body.end();
    const stored = await run.insert(address('k'), options(), body);
    expect(await textOf(stored)).toBe(text);
    expect((await run.find(address('k'))).found).toBeUndefined();
    expect(keeper.room.bytes).toBe(0);
  });

  test('of nothing keeps nothing, and passes everything on', async () => {
    const keeper = bench.openKeeper({ cacheBytesMax: 0 });
    const run = bench.openRun(keeper);
    const stored = await run.insert(address('k'), options(), bodyOf('passed on'));
    expect(await textOf(stored)).toBe('passed on');
    expect((await run.find(address('k'))).found).toBeUndefined();
  });

  test('is left by what is read on: an object may be purged under its reader', async () => {
    const keeper = bench.openKeeper();
    await store(bench.openRun(keeper), 'k', 'x'.repeat(200_000), { surrogateKeys: ['s'] });
    const reader = bench.openRun(keeper);
    const reading = await (await reader.find(address('k'))).found?.open();
    await bench.openRun(keeper).purge('s', 'hard');
    reader.close();
    expect(await readAll(reading ?? bodyOf(''))).toBe('x'.repeat(200_000));
  });
});

describe('limits of a run', () => {
  test('it may use the cache so often', async () => {
    const run = bench.openRun(bench.openKeeper(), alice, { cacheOperationsPerRunMax: 2 });
    await run.find(address('k'));
    await run.find(address('k'));
    await expect(run.find(address('k'))).rejects.toMatchObject({ kind: 'limit' });
  });

  test('a key, and what is kept beside a body, are so long', async () => {
    const run = bench.openRun(bench.openKeeper(), alice, { cacheMetadataBytesMax: 10 });
    const long = run.find({ space: 'core', key: new Uint8Array(8_136), headers: [] });
    await expect(long).rejects.toMatchObject({ kind: 'input' });
    const body = openBody();
    const heavy = run.insert(address('k'), options({ metadata: new Uint8Array(11) }), body);
    await expect(heavy).rejects.toMatchObject({ kind: 'limit' });
    expect(body.isOver).toBe(true);
  });
});

test('two sites never meet', async () => {
  const keeper = bench.openKeeper();
  await store(bench.openRun(keeper), 'k', 'alice');
  const other = await bench.openRun(keeper, bob).enter(address('k'));
  expect(other).toMatchObject({ found: undefined, isObliged: true });
  expect(await textOf((await bench.openRun(keeper).find(address('k'))).found)).toBe('alice');
});

describe('replacing', () => {
  test('at once: what is there is found until the new one is', async () => {
    const run = bench.openRun(bench.openKeeper());
    await store(run, 'k', 'old');
    const entry = await run.replace(address('k'), 'immediate');
    expect(await textOf(entry.found)).toBe('old');
    expect(await textOf((await run.find(address('k'))).found)).toBe('old');
    await textOf(await entry.insert(options(), bodyOf('new')));
    expect(await textOf((await run.find(address('k'))).found)).toBe('new');
  });

  test('with a miss: others wait for the new one', async () => {
    const keeper = bench.openKeeper();
    const run = bench.openRun(keeper);
    await store(run, 'k', 'old');
    const entry = await run.replace(address('k'), 'force-miss');
    expect(await textOf(entry.found)).toBe('old');
    const waiting = bench.openRun(keeper).enter(address('k'));
    expect((await run.find(address('k'))).found).toBeUndefined();
    await entry.insert(options(), bodyOf('new'));
    expect(await textOf((await waiting).found)).toBe('new');
  });

  test('in turn: after those who are bringing one', async () => {
    const keeper = bench.openKeeper();
    const first = await bench.openRun(keeper).enter(address('k'));
    const second = bench.openRun(keeper).replace(address('k'), 'wait');
    await first.insert(options(), bodyOf('first'));
    expect(await textOf((await second).found)).toBe('first');
    await (await second).insert(options(), bodyOf('second'));
    const run = bench.openRun(keeper);
    expect(await textOf((await run.find(address('k'))).found)).toBe('second');
  });
});
