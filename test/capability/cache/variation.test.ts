import { describe, expect, test } from 'vitest';
import { address, bodyOf, options, textOf, useCache } from './cache-bench.ts';

const bench = useCache();

describe('what varies', () => {
  test('is found by the same values of the headers it varies by', async () => {
    const run = bench.openRun(bench.openKeeper());
    const asked = (language: string) =>
      address('k', [
        ['accept-language', language],
        ['x-other', String(bench.nowMs)],
      ]);
    for (const language of ['de', 'en']) {
      const entry = await run.enter(asked(language));
      expect(entry.isObliged).toBe(true);
      const varying = options({ varyBy: ['accept-language'] });
      await textOf(await entry.insert(varying, bodyOf(language)));
    }
    for (const language of ['de', 'en']) {
      expect(await textOf((await run.find(asked(language))).found)).toBe(language);
    }
    expect((await run.find(asked('fr'))).found).toBeUndefined();
    expect((await run.find(address('k'))).found).toBeUndefined();
  });

  test('by other headers than before is found by both rules', async () => {
    const run = bench.openRun(bench.openKeeper());
    const at = address('k', [
      ['a', '1'],
      ['b', '2'],
    ]);
    await textOf(await run.insert(at, options({ varyBy: ['a'] }), bodyOf('by a')));
    await textOf(await run.insert(at, options({ varyBy: ['b'] }), bodyOf('by b')));
    expect(await textOf((await run.find(at)).found)).toBe('by b');
    const onlyA = address('k', [['a', '1']]);
    expect(await textOf((await run.find(onlyA)).found)).toBe('by a');
  });

  test('by too many rules is forgotten, the oldest rule first', async () => {
    const keeper = bench.openKeeper();
    const run = bench.openRun(keeper);
    for (let rule = 0; rule < 20; rule += 1) {
      await textOf(await run.insert(address('k'), options({ varyBy: [`x-${rule}`] }), bodyOf('x')));
    }
    expect(keeper.room.objects).toBe(16);
  });
});

describe('a rule of variation', () => {
  test('is forgotten with the last object that was found by it', async () => {
    const keeper = bench.openKeeper();
    const run = bench.openRun(keeper);
    const asked = (value: string) => address('k', [['a', value]]);
    const varying = options({ varyBy: ['a'], surrogateKeys: ['s'] });
    await textOf(await run.insert(asked('1'), varying, bodyOf('x')));
    await run.purge('s', 'hard');
    // Nobody knows by now that it varies: all wait for one, as at the very beginning.
    const first = await run.enter(asked('1'));
    const second = bench.openRun(keeper).enter(asked('2'));
    await bench.openRun(keeper).find(address('k'));
    expect(keeper.counts.collapsed).toBe(1);
    first.giveUp();
    expect((await second).isObliged).toBe(true);
  });

  test('that is forgotten while somebody brings what is found by it harms nobody', async () => {
    const keeper = bench.openKeeper();
    const run = bench.openRun(keeper);
    const at = address('k', [['x-0', '1']]);
    await textOf(await run.insert(at, options({ varyBy: ['x-0'], maxAgeMs: 1 }), bodyOf('old')));
    bench.nowMs += 10;
    const late = await run.enter(at);
    expect(late.isObliged).toBe(true);
    for (let rule = 1; rule <= 16; rule += 1) {
      const one = options({ varyBy: [`x-${rule}`], surrogateKeys: ['s'] });
      await textOf(await run.insert(address('k'), one, bodyOf('x')));
    }
    await run.purge('s', 'hard');
    const next = await bench.openRun(keeper).enter(at);
    expect(next.isObliged).toBe(true);
    late.giveUp();
    const waiting = bench.openRun(keeper).enter(at);
    await next.insert(options(), bodyOf('new'));
    expect(await textOf((await waiting).found)).toBe('new');
  });
});
