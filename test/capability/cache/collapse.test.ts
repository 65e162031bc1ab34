import { describe, expect, test } from 'vitest';
import type { CacheEntry } from '../../../src/capability/cache/contract.ts';
import type { CacheKeeper } from '../../../src/capability/cache/keeper.ts';
import type { Header } from '../../../src/http/message.ts';
import { address, bodyOf, openBody, options, readAll, textOf, useCache } from './cache-bench.ts';

const bench = useCache();

describe('whoever wants what is not there', () => {
  test('is obliged alone, and the others wait, on whatever thread they are', async () => {
    const keeper = bench.openKeeper();
    const first = await bench.openRun(keeper).enter(address('k'));
    expect(first.found).toBeUndefined();
    expect(first.isObliged).toBe(true);
    const others = Array.from({ length: 20 }, () => bench.openRun(keeper).enter(address('k')));
    expect(await hasSettled(others[0])).toBe(false);
    await first.insert(options(), bodyOf('one for all'));
    for (const entry of await Promise.all(others)) {
      expect(entry.isObliged).toBe(false);
      expect(await textOf(entry.found)).toBe('one for all');
    }
    expect(keeper.counts.collapsed).toBe(20);
    expect(keeper.counts.stored).toBe(1);
  });

  test('waits for nobody with another key, or in another space', async () => {
    const cache = bench.openRun(bench.openKeeper());
    const entries = await Promise.all([
      cache.enter(address('a')),
      cache.enter(address('b')),
      cache.enter({ ...address('a'), space: 'http' }),
    ]);
    expect(entries.map(({ isObliged }) => isObliged)).toEqual([true, true, true]);
  });

  test('gets it while it is still written', async () => {
    const keeper = bench.openKeeper();
    const body = openBody();
    body.push(Buffer.from('begin '));
    await bench.openRun(keeper).insert(address('k'), options(), body);
    const { found } = await bench.openRun(keeper).find(address('k'));
    const reading = await found?.open();
    expect(Buffer.from((await reading?.read()) ?? '').toString()).toBe('begin ');
    const next = reading?.read();
    expect(await hasSettled(next)).toBe(false);
    body.push(Buffer.from('end'));
    body.end();
    expect(Buffer.from((await next) ?? '').toString()).toBe('end');
    expect(await reading?.read()).toBeUndefined();
    expect((await bench.openRun(keeper).find(address('k'))).found?.knownBytes).toBe(9);
  });

  test('can ask what is there without waiting or being obliged', async () => {
    const keeper = bench.openKeeper();
    const holder = await bench.openRun(keeper).enter(address('k'));
    const entry = await bench.openRun(keeper).find(address('k'));
    expect(entry.found).toBeUndefined();
    expect(entry.isObliged).toBe(false);
    holder.giveUp();
  });
});

describe('the obligation goes to the next who waits', () => {
  test('when it is given up, in the order of waiting', async () => {
    const keeper = bench.openKeeper();
    const first = await bench.openRun(keeper).enter(address('k'));
    const second = bench.openRun(keeper).enter(address('k'));
    expect(await hasSettled(second)).toBe(false);
    const third = bench.openRun(keeper).enter(address('k'));
    first.giveUp();
    expect((await second).isObliged).toBe(true);
    expect(await hasSettled(third)).toBe(false);
    await (await second).insert(options(), bodyOf('second'));
    expect(await textOf((await third).found)).toBe('second');
  });

  test('when the run ends', async () => {
    const keeper = bench.openKeeper();
    const run = bench.openRun(keeper);
    await run.enter(address('k'));
    const next = bench.openRun(keeper).enter(address('k'));
    expect(await hasSettled(next)).toBe(false);
    run.close();
    expect((await next).isObliged).toBe(true);
  });

  test('when the thread is gone', async () => {
    const keeper = bench.openKeeper();
    const client = bench.openClient(keeper);
    await client.forRun({ folderKey: '/keybase/public/alice' as never }).enter(address('k'));
    const next = bench.openRun(keeper).enter(address('k'));
    expect(await hasSettled(next)).toBe(false);
    client.close();
    expect((await next).isObliged).toBe(true);
  });

  test('but who has stopped waiting gets none', async () => {
    const keeper = bench.openKeeper();
    const first = await bench.openRun(keeper).enter(address('k'));
    const giveUp = new AbortController();
    const second = bench.openRun(keeper).enter(address('k'), giveUp);
    const third = bench.openRun(keeper).enter(address('k'));
    expect(await hasSettled(third)).toBe(false);
    giveUp.abort();
    await expect(second).rejects.toMatchObject({ kind: 'abandoned' });
    first.giveUp();
    expect((await third).isObliged).toBe(true);
  });

  test('is fulfilled once', async () => {
    const entry = await bench.openRun(bench.openKeeper()).enter(address('k'));
    entry.recordUncacheable({ maxAgeMs: 1_000, varyBy: [] });
    expect(entry.isObliged).toBe(false);
    await expect(entry.update(options())).rejects.toMatchObject({ kind: 'input' });
    expect(() => entry.chooseStale()).toThrow(/only who is obliged/);
  });
});

describe('of those who wait for one key', () => {
  test('so many may; the rest do as if there were no cache', async () => {
    const keeper = bench.openKeeper({ cacheWaitersPerKeyMax: 2 });
    const first = await bench.openRun(keeper).enter(address('k'));
    const waiting = [await queue(keeper), await queue(keeper)];
    const third = await bench.openRun(keeper).enter(address('k'));
    expect(third).toMatchObject({ isUncacheable: true, isObliged: false, found: undefined });
    await first.insert(options(), bodyOf('for two'));
    for (const { entry } of waiting) expect(await textOf((await entry).found)).toBe('for two');
    expect(keeper.counts.collapsed).toBe(2);
  });

  test('each hears at once that it waits', async () => {
    const keeper = bench.openKeeper();
    await bench.openRun(keeper).enter(address('k'));
    const { entry } = await queue(keeper);
    expect(await hasSettled(entry)).toBe(false);
  });

  test('those get what is brought who ask as it varies, one of the others goes on', async () => {
    const keeper = bench.openKeeper();
    const german = [['accept-language', 'de']] as const;
    const french = [['accept-language', 'fr']] as const;
    const first = await bench.openRun(keeper).enter(address('k', german));
    const fr1 = await queue(keeper, french);
    const de1 = await queue(keeper, german);
    const fr2 = await queue(keeper, french);
    const de2 = await queue(keeper, german);
    const varyBy = ['accept-language'];
    await first.insert(options({ varyBy }), bodyOf('moin'));
    expect(await textOf((await de1.entry).found)).toBe('moin');
    expect(await textOf((await de2.entry).found)).toBe('moin');
    const obliged = await fr1.entry;
    expect(obliged.isObliged).toBe(true);
    expect(await hasSettled(fr2.entry)).toBe(false);
    await obliged.insert(options({ varyBy }), bodyOf('salut'));
    expect(await textOf((await fr2.entry).found)).toBe('salut');
  });

  test('all get what is stale and may be used while one of them brings the new one', async () => {
    const keeper = bench.openKeeper();
    const first = await bench.openRun(keeper).enter(address('k'));
    const waiting = [await queue(keeper), await queue(keeper), await queue(keeper)];
    const old = options({ initialAgeMs: 61_000, staleWhileRevalidateMs: 60_000 });
    await first.insert(old, bodyOf('stale'));
    const entries = await Promise.all(waiting.map(({ entry }) => entry));
    expect(entries.map(({ isObliged }) => isObliged)).toEqual([true, false, false]);
    for (const { found } of entries) expect(await textOf(found)).toBe('stale');
  });

  test('none is forgotten where the rule by which it was looked for is', async () => {
    const keeper = bench.openKeeper();
    const run = bench.openRun(keeper);
    const first = await run.enter(address('k'));
    const { entry: second } = await queue(keeper);
    for (let rule = 0; rule < 20; rule += 1) {
      await run.insert(address('k'), options({ varyBy: [`x-${rule}`], maxAgeMs: 0 }), bodyOf(''));
    }
    first.giveUp();
    expect((await second).isObliged).toBe(true);
  });
});

describe('what cannot be cached', () => {
  test('obliges nobody, and nobody waits, for as long as was said', async () => {
    const keeper = bench.openKeeper();
    const first = await bench.openRun(keeper).enter(address('k'));
    const waiting = Array.from({ length: 3 }, () => bench.openRun(keeper).enter(address('k')));
    expect(await hasSettled(waiting[0])).toBe(false);
    first.recordUncacheable({ maxAgeMs: 5_000, varyBy: [] });
    for (const entry of await Promise.all(waiting)) {
      expect(entry).toMatchObject({ isUncacheable: true, isObliged: false, found: undefined });
    }
    bench.nowMs += 5_001;
    const later = await bench.openRun(keeper).enter(address('k'));
    expect(later).toMatchObject({ isUncacheable: false, isObliged: true });
  });
});

test('what finds no place is brought by each at once, and not by one after the other', async () => {
  const keeper = bench.openKeeper({ cacheBytesMax: 0 });
  const first = await bench.openRun(keeper).enter(address('k'));
  const waiting = Array.from({ length: 3 }, () => bench.openRun(keeper).enter(address('k')));
  expect(await hasSettled(waiting[0])).toBe(false);
  const stored = await first.insert(options(), bodyOf('for one'));
  for (const entry of await Promise.all(waiting)) {
    expect(entry).toMatchObject({ isUncacheable: true, isObliged: false, found: undefined });
  }
  expect(await textOf(stored)).toBe('for one');
});

describe('a body that is not whole', () => {
  test('breaks off for its readers, and is found no more', async () => {
    const keeper = bench.openKeeper();
    const body = openBody();
    body.push(Buffer.from('half'));
    await bench.openRun(keeper).insert(address('k'), options(), body);
    const reader = await (await bench.openRun(keeper).find(address('k'))).found?.open();
    await reader?.read();
    body.fail(new Error('the server has gone'));
    await expect(reader?.read()).rejects.toThrow(/not written to its end/);
    const next = await bench.openRun(keeper).enter(address('k'));
    expect(next).toMatchObject({ found: undefined, isObliged: true });
    expect(keeper.room.bytes).toBe(0);
  });

  test('is one of another length than was said', async () => {
    const keeper = bench.openKeeper();
    const cache = bench.openRun(keeper);
    for (const text of ['too short', 'this one is too long']) {
      const stored = await cache.insert(address('k'), options({ knownBytes: 12 }), bodyOf(text));
      await expect(textOf(stored)).rejects.toThrow(/not written to its end/);
    }
    const fits = await cache.insert(address('k'), options({ knownBytes: 4 }), bodyOf('good'));
    expect(await textOf(fits)).toBe('good');
  });

  test('is not one that is as long as was said, though its end never comes', async () => {
    const keeper = bench.openKeeper();
    const body = openBody();
    const stored = await bench
      .openRun(keeper)
      .insert(address('k'), options({ knownBytes: 4 }), body);
    body.push(Buffer.from('good'));
    expect(await textOf(stored)).toBe('good');
    body.fail(new Error('the server has gone'));
    const { found } = await bench.openRun(keeper).find(address('k'));
    expect(found === undefined ? '' : await textOf(found)).toBe('good');
  });

  test('is what a thread wrote that is gone', async () => {
    const keeper = bench.openKeeper();
    const client = bench.openClient(keeper);
    const body = openBody();
    body.push(Buffer.from('half'));
    const writer = client.forRun({ folderKey: '/keybase/public/alice' as never });
    await writer.insert(address('k'), options(), body);
    const reader = await (await bench.openRun(keeper).find(address('k'))).found?.open();
    await reader?.read();
    client.close();
    await expect(reader?.read()).rejects.toThrow(/not written to its end/);
    expect((await bench.openRun(keeper).find(address('k'))).found).toBeUndefined();
  });
});

test('a body of many tiny pieces, and one of large ones, come out as they went in', async () => {
  const keeper = bench.openKeeper();
  const body = openBody();
  let text = '';
  for (let at = 0; at < 5_000; at += 1) {
    const piece = String(at);
    text += piece;
    body.push(Buffer.from(piece));
  }
  const large = 'x'.repeat(700_000);
  body.push(Buffer.from(large));
  body.end();
  const stored = await bench.openRun(keeper).insert(address('k'), options(), body);
  expect(await textOf(stored)).toBe(text + large);
  const found = (await bench.openRun(keeper).find(address('k'))).found;
  expect(await readAll((await found?.open()) ?? bodyOf(''))).toBe(text + large);
});

/** Asks on a thread of its own; resolves when the keeper has said that the entry is to wait. */
async function queue(
  keeper: CacheKeeper,
  headers: readonly Header[] = [],
): Promise<{ readonly entry: Promise<CacheEntry> }> {
  const waits = Promise.withResolvers<void>();
  const wanted = address('k', headers);
  const entry = bench.openRun(keeper).enter(wanted, { onWaits: waits.resolve });
  await waits.promise;
  return { entry };
}

/** Whether it settles while everything else that is under way is done. */
async function hasSettled(promise: Promise<unknown> | undefined): Promise<boolean> {
  let settled = false;
  void promise?.then(
    () => (settled = true),
    () => (settled = true),
  );
  for (let turn = 0; turn < 20; turn += 1) await new Promise((next) => setImmediate(next));
  return settled;
}
