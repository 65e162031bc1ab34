import { describe, expect, test } from 'vitest';
import { type Line, Scheduler } from '../../../src/engine/turn/scheduler.ts';
import type { OwnerKey } from '../../../src/names.ts';
import { outboundReply, World } from '../../support/abi-world.ts';
import { askingGuest } from '../guests.ts';
import { Engine } from '../world.ts';
import { TestTurn } from './test-turn.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The clock stands: how long a turn takes is no part of these tests. */
const now = (): number => 1_000;

describe('Scheduler', () => {
  test('gives the thread to one at a time', async () => {
    const scheduler = new Scheduler({ sliceMs: 1, nowMs: now });
    const order: string[] = [];
    const first = new TestTurn('a', () => order.push('first again'));
    const second = new TestTurn('b', () => order.push('second'));
    expect(scheduler.tryEnter(first, now())).toBe(true);
    expect(scheduler.tryEnter(second, now())).toBe(false);
    scheduler.enqueue(second, 'ready', now());
    await nextTurn();
    expect(order).toEqual([]);
    scheduler.leave(first, now());
    await nextTurn();
    expect(order).toEqual(['second']);
    expect(scheduler.current).toBe(second);
  });

  test('serves ready first, then one hog a turn of the event loop, fairly by site', async () => {
    const scheduler = new Scheduler({ sliceMs: 1, nowMs: now });
    const order: string[] = [];
    const enqueue = (site: string, name: string, line: Line): void => {
      const turn = new TestTurn(site, (self) => {
        order.push(name);
        // As a guest does: it lets go later, in a microtask.
        void Promise.resolve().then(() => scheduler.leave(self, now()));
      });
      scheduler.enqueue(turn, line, now());
    };
    for (const name of ['a1', 'a2', 'a3']) enqueue('a', name, 'hogs');
    enqueue('b', 'b1', 'hogs');
    for (const name of ['c1', 'c2']) enqueue('c', name, 'ready');
    enqueue('d', 'd1', 'ready');
    await nextTurn();
    expect(order).toEqual(['c1', 'd1', 'c2', 'a1']);
    for (let turn = 0; turn < 8; turn += 1) await nextTurn();
    expect(order.slice(4)).toEqual(['b1', 'a2', 'a3']);
    expect(scheduler.current).toBeUndefined();
  });

  test('a hog that has waited long goes before new runs', () => {
    const scheduler = new Scheduler({ sliceMs: 1, nowMs: now });
    const hog = new TestTurn('hog', () => undefined);
    const fresh = new TestTurn('fresh', () => undefined);
    const nowMs = now();
    scheduler.enqueue(hog, 'hogs', nowMs);
    expect(scheduler.tryEnter(fresh, nowMs + 5)).toBe(true);
    scheduler.leave(fresh, now());
    expect(scheduler.tryEnter(fresh, nowMs + 10)).toBe(false);
    scheduler.withdraw(hog);
    expect(scheduler.tryEnter(fresh, nowMs + 10)).toBe(true);
    scheduler.close();
  });

  test('serves a hog that has waited long before the ready', async () => {
    const scheduler = new Scheduler({ sliceMs: 1, nowMs: now });
    const order: string[] = [];
    const enqueue = (name: string, line: Line, nowMs: number): void => {
      const turn = new TestTurn(name, (self) => {
        order.push(name);
        void Promise.resolve().then(() => scheduler.leave(self, now()));
      });
      scheduler.enqueue(turn, line, nowMs);
    };
    enqueue('ready', 'ready', now());
    enqueue('hog', 'hogs', now() - 20);
    await nextTurn();
    expect(order).toEqual(['hog', 'ready']);
  });

  test('serves whose owner has used the least: nobody waits for more of long turns', async () => {
    let nowMs = 1_000;
    const scheduler = new Scheduler({ sliceMs: 1, nowMs: () => nowMs });
    const order: string[] = [];
    const add = (site: string, tookMs: number, line: Line = 'ready'): void => {
      const turn: TestTurn = new TestTurn(site, (self) => {
        order.push(site);
        nowMs += tookMs;
        if (order.length === 1) add('alice/1', 0.1);
        void Promise.resolve().then(() => scheduler.leave(self, nowMs));
      });
      scheduler.enqueue(turn, line, nowMs);
    };
    // Each longer than a turn of the event loop may be, and a hog that waits for long meanwhile.
    for (let count = 0; count < 4; count += 1) add(`mallory/${count}`, 12);
    add('mallory/hog', 12, 'hogs');
    for (let turn = 0; turn < 6; turn += 1) await nextTurn();
    expect(order.slice(0, 2)).toEqual(['mallory/0', 'alice/1']);
    expect(order).toContain('mallory/hog');
    expect(order).toHaveLength(6);
    scheduler.close();
  });

  test('who waited for a core in her turn is set back by what she used alone', async () => {
    let nowMs = 1_000;
    const scheduler = new Scheduler({ sliceMs: 1, nowMs: () => nowMs });
    const order: string[] = [];
    const add = (site: string, tookMs: number, usedMs: number): void => {
      const turn: TestTurn = new TestTurn(site, (self) => {
        order.push(site);
        nowMs += tookMs;
        void Promise.resolve().then(() => scheduler.leave(self, nowMs, usedMs));
      });
      scheduler.enqueue(turn, 'ready', nowMs);
    };
    add('alice/1', 50, 0.1);
    await nextTurn();
    add('mallory/1', 5, 5);
    await nextTurn();
    add('mallory/2', 5, 5);
    add('alice/2', 1, 0.1);
    await nextTurn();
    expect(order).toEqual(['alice/1', 'mallory/1', 'alice/2', 'mallory/2']);
    scheduler.close();
  });

  test('a collection counts as its owner’s turn, not as that of whom it fell to', async () => {
    const scheduler = new Scheduler({ sliceMs: 1, nowMs: now });
    const order: string[] = [];
    const add = (site: string, usedMs: number): void => {
      const turn: TestTurn = new TestTurn(site, (self) => {
        order.push(site);
        void Promise.resolve().then(() => scheduler.leave(self, now(), usedMs));
      });
      scheduler.enqueue(turn, 'ready', now());
    };
    add('alice/1', 40);
    await nextTurn();
    scheduler.charge('alice' as OwnerKey, -39);
    scheduler.charge('mallory' as OwnerKey, 39);
    add('mallory/1', 1);
    add('alice/2', 1);
    await nextTurn();
    expect(order).toEqual(['alice/1', 'alice/2', 'mallory/1']);
    scheduler.close();
  });

  test('says when others have their turns, and when the loop has its own', async () => {
    const order: string[] = [];
    const onOthersTurn = (): number => order.push('others');
    const scheduler = new Scheduler({ sliceMs: 1, nowMs: now, onOthersTurn });
    const add = (site: string): void => {
      const turn: TestTurn = new TestTurn(site, (self) => {
        queueMicrotask(() => {
          order.push(site);
          scheduler.leave(self, now());
        });
      });
      scheduler.enqueue(turn, 'ready', now());
    };
    for (const site of ['alice/1', 'mallory/1', 'mallory/2']) add(site);
    await nextTurn();
    expect(order).toEqual(['others', 'alice/1', 'others', 'mallory/1', 'mallory/2', 'others']);
    scheduler.close();
  });

  test('lets the ready in between hogs, however many owners have waited long', async () => {
    const scheduler = new Scheduler({ sliceMs: 1, nowMs: now });
    const order: string[] = [];
    const add = (site: string, line: Line, nowMs: number): void => {
      const turn: TestTurn = new TestTurn(site, (self) => {
        order.push(line);
        void Promise.resolve().then(() => scheduler.leave(self, now()));
      });
      scheduler.enqueue(turn, line, nowMs);
    };
    const longAgoMs = now() - 1_000;
    for (let owner = 0; owner < 300; owner += 1) add(`hog${owner}`, 'hogs', longAgoMs);
    for (let owner = 0; owner < 3; owner += 1) add(`ready${owner}`, 'ready', now());
    await nextTurn();
    expect(order.slice(0, 6)).toEqual(['hogs', 'ready', 'hogs', 'ready', 'hogs', 'ready']);
    const hog = order.length;
    expect(scheduler.tryEnter(new TestTurn('new', () => undefined), now())).toBe(true);
    scheduler.close();
    expect(hog).toBeLessThan(303);
  });

  test('lets runs begin at once for two milliseconds of one turn of the event loop', async () => {
    const scheduler = new Scheduler({ sliceMs: 1, nowMs: now });
    const served: string[] = [];
    const run = new TestTurn('a', () => served.push('later'));
    expect(scheduler.tryEnter(run, now())).toBe(true);
    scheduler.leave(run, now() + 1.5);
    expect(scheduler.tryEnter(run, now() + 2)).toBe(true);
    scheduler.leave(run, now() + 2.5);
    // A hundred others that have arrived in the same turn: each would take as long.
    expect(scheduler.tryEnter(run, now() + 3)).toBe(false);
    scheduler.enqueue(run, 'ready', now() + 3);
    await nextTurn();
    // Whoever has come in the meantime was heard first.
    expect(served).toEqual([]);
    await nextTurn();
    expect(served).toEqual(['later']);
    scheduler.leave(run, now());
    expect(scheduler.tryEnter(run, now() + 4)).toBe(true);
    scheduler.close();
  });

  test('does not count short runs, however many there are', () => {
    const scheduler = new Scheduler({ sliceMs: 1, nowMs: now });
    const run = new TestTurn('a', () => undefined);
    for (let count = 0; count < 100; count += 1) {
      expect(scheduler.tryEnter(run, now())).toBe(true);
      scheduler.leave(run, now() + 0.05);
    }
  });

  test('gives the sites of one owner, together, one share of the hogs', async () => {
    const scheduler = new Scheduler({ sliceMs: 1, nowMs: now });
    const order: string[] = [];
    const add = (site: string): void => {
      const turn: TestTurn = new TestTurn(site, (self) => {
        order.push(site.split('/')[0] ?? '');
        // It computes on, as a hog does.
        scheduler.enqueue(self, 'hogs', now());
        void Promise.resolve().then(() => scheduler.leave(self, now()));
      });
      scheduler.enqueue(turn, 'hogs', now());
    };
    for (let site = 0; site < 300; site += 1) add(`mallory/${site}`);
    add('alice/1');
    for (let turn = 0; turn < 40; turn += 1) await nextTurn();
    scheduler.close();
    const share = order.filter((owner) => owner === 'alice').length / order.length;
    expect(share).toBeGreaterThan(0.4);
  });

  test('makes slices shorter when many owners compute, and no shorter than a tenth', () => {
    const scheduler = new Scheduler({ sliceMs: 1, nowMs: now });
    const enqueueOwners = (first: number, end: number): void => {
      for (let site = first; site < end; site += 1) {
        const turn = new TestTurn(`site${site}`, () => undefined);
        scheduler.enqueue(turn, 'hogs', now());
      }
    };
    enqueueOwners(0, 10);
    expect(scheduler.sliceMs).toBe(1);
    enqueueOwners(10, 20);
    expect(scheduler.sliceMs).toBe(0.5);
    enqueueOwners(20, 1_000);
    expect(scheduler.sliceMs).toBe(0.1);
    scheduler.close();
  });
});

test('slices are longer for an owner who has been alone for a while, and only so long', () => {
  const scheduler = new Scheduler({ sliceMs: 1, nowMs: now });
  const [hers, hisOther, his] = ['alice/1', 'mallory/2', 'mallory/1'].map(
    (site) => new TestTurn(site, () => undefined),
  ) as [TestTurn, TestTurn, TestTurn];
  const sliceOf = (turn: TestTurn, nowMs: number): number => {
    expect(scheduler.tryEnter(turn, nowMs)).toBe(true);
    const { sliceMs } = scheduler;
    scheduler.leave(turn, nowMs);
    return sliceMs;
  };
  expect(sliceOf(his, 1_000)).toBe(1);
  expect(sliceOf(his, 1_099)).toBe(1);
  expect(sliceOf(hisOther, 1_100)).toBe(5);
  expect(sliceOf(hers, 1_101)).toBe(1);
  expect(sliceOf(his, 1_102)).toBe(1);
  expect(sliceOf(his, 1_300)).toBe(5);
  scheduler.close();
});

describe('guests on one thread', () => {
  test('a small guest is served while a hog computes, again and again', async () => {
    using engine = new Engine({ limits: { cpuMsMax: 200 } });
    const hello = engine.load('hello');
    const hog = engine.begin(engine.load('loop'), { siteKey: '/hog' });
    let served = 0;
    let isComputing = true;
    const end = hog.report.finally(() => {
      isComputing = false;
    });
    while (isComputing) {
      expect((await engine.run(hello, { siteKey: '/small' })).text).toBe('hello\n');
      served += 1;
      await nextTurn();
    }
    expect((await end).outcome).toBe('out-of-cpu');
    expect(served).toBeGreaterThan(20);
  });

  test('a site with one hog gets as much as a site with eight', async () => {
    using engine = new Engine({ limits: { cpuMsMax: 100 } });
    const loop = engine.load('loop');
    const ended: string[] = [];
    const begin = async (siteKey: string): Promise<void> => {
      await engine.begin(loop, { siteKey }).report;
      ended.push(siteKey);
    };
    const many = Array.from({ length: 8 }, () => begin('/many'));
    await Promise.all([...many, begin('/one')]);
    // First, but for hogs that the machine itself held up. Taking turns by run, it would be last.
    expect(ended.indexOf('/one')).toBeLessThan(4);
  });

  test('a hog gets on although small runs keep coming', async () => {
    using engine = new Engine({ limits: { cpuMsMax: 40 } });
    const hello = engine.load('hello');
    const hog = engine.begin(engine.load('loop'), { siteKey: '/hog' });
    let isComputing = true;
    const flood = async (site: number): Promise<void> => {
      while (isComputing) {
        await engine.run(hello, { siteKey: `/small/${site}` });
        await nextTurn();
      }
    };
    const floods = Array.from({ length: 50 }, (_, site) => flood(site));
    const report = await hog.report;
    isComputing = false;
    await Promise.all(floods);
    expect(report.outcome).toBe('out-of-cpu');
  });

  test('a guest whose every wait is over at once lets the event loop turn', async () => {
    using engine = new Engine({ limits: { kvOperationsPerRunMax: 1_000_000_000 } });
    const world = new World();
    setTimeout(() => void world.keyValue.insert(Buffer.from('found'), Buffer.from('x')), 20);
    const { text } = await engine.run(engine.load(askingGuest), { world });
    expect(text).toBe('found');
  });

  test('a guest that asks over and over whether its answer is there lets it arrive', async () => {
    using engine = new Engine();
    const world = new World();
    world.fetch.answer('http://late.test/', async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return outboundReply('at last');
    });
    const target = '/guest.wasm?http://late.test/';
    expect((await engine.run(engine.load('sleepy'), { target, world })).text).toBe('at last');
  });
});
