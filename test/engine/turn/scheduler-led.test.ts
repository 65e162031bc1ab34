import { describe, expect, test } from 'vitest';
import { Scheduler } from '../../../src/engine/turn/scheduler.ts';
import { TestTurn } from './test-turn.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The clock stands, but for what a test lets pass. */
const now = (): number => 1_000;

describe('Scheduler, of what a run leads to', () => {
  test('what a run has led to goes on when it lets go, before others begin', () => {
    const order: string[] = [];
    const onOthersTurn = (): number => order.push('others');
    const scheduler = new Scheduler({ sliceMs: 1, nowMs: now, onOthersTurn });
    const link = new TestTurn('a/1', () => undefined);
    const behind = new TestTurn('a/1', () => order.push('behind'));
    expect(scheduler.tryEnter(link, now())).toBe(true);
    scheduler.enqueue(behind, 'ready', now());
    scheduler.leave(link, now());
    expect(order).toEqual(['behind']);
    scheduler.leave(behind, now());
    expect(scheduler.tryEnter(link, now())).toBe(true);
    scheduler.close();
  });

  test('and has no more of a turn of the event loop than runs that begin at once', async () => {
    let nowMs = 1_000;
    const scheduler = new Scheduler({ sliceMs: 1, nowMs: () => nowMs });
    let served = 0;
    const behind: TestTurn = new TestTurn('a', () => {
      served += 1;
    });
    const run = new TestTurn('a', () => undefined);
    const serveOne = (): void => {
      expect(scheduler.tryEnter(run, nowMs)).toBe(true);
      scheduler.enqueue(behind, 'ready', nowMs);
      scheduler.leave(run, nowMs);
    };
    serveOne();
    nowMs += 0.15;
    scheduler.leave(behind, nowMs);
    serveOne();
    nowMs += 1.9;
    scheduler.leave(behind, nowMs);
    expect(served).toBe(2);
    expect(scheduler.tryEnter(run, nowMs)).toBe(false);
    await nextTurn();
    expect(scheduler.tryEnter(run, nowMs)).toBe(true);
    scheduler.close();
  });

  test('in line it goes before what has not begun, of the same client alone', async () => {
    const scheduler = new Scheduler({ sliceMs: 1, nowMs: now });
    const order: string[] = [];
    const add = (name: string, site: string): TestTurn => {
      const turn: TestTurn = new TestTurn(site, () => {
        order.push(name);
        if (name === 'link') add('behind', site);
        if (name === 'link') add('other', 'b/1');
        void Promise.resolve().then(() => scheduler.leave(turn, now()));
      });
      scheduler.enqueue(turn, 'ready', now());
      return turn;
    };
    for (const name of ['link', 'second', 'third']) add(name, 'a/1');
    await nextTurn();
    expect(order).toEqual(['link', 'behind', 'other', 'second', 'third']);
    scheduler.close();
  });
});
