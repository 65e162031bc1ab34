import { describe, expect, test } from 'vitest';
import { LookLoop } from '../../../src/deploy/look/loop.ts';
import { until } from '../world.ts';

/** A loop whose looks end when they are told to. */
function makeLoop(pollMs: number, quietMs = 1) {
  const running: ((waitMs: number) => void)[] = [];
  /** Of each look whether it was a poll. */
  const polls: boolean[] = [];
  let begun = 0;
  const loop = new LookLoop({
    look: (isPoll) => {
      begun += 1;
      polls.push(isPoll);
      return new Promise<number>((resolve) => running.push(resolve));
    },
    pollMs: () => pollMs,
    quietMs: () => quietMs,
  });
  const end = (waitMs = 0) => {
    if (running.length !== 1) throw new Error(`${running.length} looks are running`);
    running.pop()?.(waitMs);
  };
  return { loop, end, polls, begun: () => begun };
}

const never = 1_000_000;

describe('LookLoop', () => {
  test('runs one look at a time and one more for all that asked meanwhile', async () => {
    const { loop, end, begun } = makeLoop(never);
    loop.lookNow();
    expect(loop.lookCountAfterNext).toBe(2);
    loop.lookNow();
    loop.lookNow();
    expect(begun()).toBe(1);
    end();
    await until(() => begun() === 2);
    end();
    await until(() => loop.lookCount === 2);
    await loop.close();
  });

  test('polls, and sooner when the look says that something may have settled', async () => {
    const often = makeLoop(1);
    often.loop.lookNow();
    for (let count = 1; count <= 3; count += 1) {
      await until(() => often.begun() === count);
      often.end();
    }
    await often.loop.close();
    const rare = makeLoop(never);
    rare.loop.lookNow();
    rare.end(1);
    await until(() => rare.begun() === 2);
    rare.end();
    await rare.loop.close();
  });

  test('looks soon where nothing was heard, or at once when a hint comes', async () => {
    const { loop, end, begun, polls } = makeLoop(never);
    loop.lookSoon();
    await until(() => begun() === 1);
    end();
    await until(() => loop.lookCount === 1);
    loop.lookSoon();
    loop.hint();
    loop.lookSoon();
    await until(() => begun() === 2);
    end();
    await until(() => loop.lookCount === 2);
    expect(polls).toEqual([false, false]);
    await loop.close();
  });

  test('says whether a look is a poll: nobody asked, and nothing is awaited', async () => {
    const { loop, end, polls } = makeLoop(1);
    loop.lookNow();
    end();
    await until(() => polls.length === 2);
    loop.lookNow();
    end();
    await until(() => polls.length === 3);
    end(1);
    await until(() => polls.length === 4);
    expect(polls).toEqual([false, true, false, false]);
    const closing = loop.close();
    end();
    await closing;
  });

  test('looks after a hint', async () => {
    const { loop, end, begun } = makeLoop(never);
    loop.hint();
    loop.hint();
    await until(() => begun() === 1);
    end();
    await loop.close();
    expect(begun()).toBe(1);
  });

  test('acts soon on the first two hints in a while, and waits with the next', async () => {
    const { loop, end, begun } = makeLoop(never, never);
    for (const count of [1, 2]) {
      loop.hint();
      await until(() => begun() === count);
      end();
    }
    loop.hint();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(begun()).toBe(2);
    await loop.close();
  });

  test('nextLook() resolves at the end of a look, after its time, and at the close', async () => {
    const { loop, end } = makeLoop(never);
    await loop.nextLook(1);
    loop.lookNow();
    const waiting = loop.nextLook(never);
    end();
    await waiting;
    const forever = loop.nextLook(never);
    await loop.close();
    await forever;
    await loop.nextLook(never);
  });

  test('close() waits for the running look, and nothing begins after it', async () => {
    const { loop, end, begun } = makeLoop(1);
    loop.lookNow();
    loop.lookNow();
    const closing = loop.close();
    end(1);
    await closing;
    loop.lookNow();
    loop.hint();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(begun()).toBe(1);
  });
});
