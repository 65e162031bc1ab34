import { describe, expect, test } from 'vitest';
import { Pending, PendingSet } from '../../../src/abi/objects/pending.ts';
import { selectReady } from '../../../src/abi/objects/ready.ts';

describe('something under way', () => {
  test('is polled, waited for, and keeps what came of it', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const pending = new Pending(() => promise);
    expect(pending.isReady).toBe(false);
    expect(pending.outcome).toBeUndefined();
    resolve('reply');
    await pending.whenReady();
    await pending.whenReady();
    expect(pending.outcome).toEqual({ kind: 'done', value: 'reply' });
  });

  test('that fails, at once or later, is a result', async () => {
    const later = new Pending(() => Promise.reject(new Error('no route')));
    await later.whenReady();
    expect(later.outcome).toMatchObject({ kind: 'failed', error: { message: 'no route' } });
    const atOnce = new Pending(() => {
      throw new Error('no name');
    });
    await atOnce.whenReady();
    expect(atOnce.outcome).toMatchObject({ kind: 'failed', error: { message: 'no name' } });
  });

  test('is given up by its signal', async () => {
    const pending = new Pending(
      ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('given up')));
        }),
    );
    pending.giveUp();
    await pending.whenReady();
    expect(pending.isGivenUp).toBe(true);
    expect(pending.outcome?.kind).toBe('failed');
  });

  test('tells one listener that it is given up, and a signal that is asked for afterwards', () => {
    const told: string[] = [];
    const pending = new Pending(async (giving) => {
      giving.onGiveUp(() => told.push('first'));
      giving.onGiveUp(() => told.push('second'));
      return await new Promise<never>(() => undefined);
    });
    pending.giveUp();
    pending.giveUp();
    expect(told).toEqual(['second']);
    pending.onGiveUp(() => told.push('late'));
    expect([told, pending.signal.aborted]).toEqual([['second', 'late'], true]);
  });

  test('is chosen among several: the first that has ended', async () => {
    const slow = new Pending(() => new Promise<never>(() => undefined));
    const { promise, resolve } = Promise.withResolvers<void>();
    const fast = new Pending(() => promise);
    const chosen = selectReady([slow, fast]);
    resolve();
    expect(await chosen).toBe(1);
  });
});

test('the end of a run gives up what it has under way, not what has ended', async () => {
  const set = new PendingSet();
  const signals: AbortSignal[] = [];
  const ended = set.start(async ({ signal }) => {
    signals.push(signal);
  });
  await ended.whenReady();
  await Promise.resolve();
  void set.start(({ signal }) => {
    signals.push(signal);
    return new Promise<never>(() => undefined);
  });
  set.giveUpAll();
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
});
