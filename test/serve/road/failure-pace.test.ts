import { describe, expect, test } from 'vitest';
import { FailurePace } from '../../../src/serve/road/failure-pace.ts';

const crowd = 100;

/** Asks for `count` answers of one client, and notes those that are due. */
function ask(pace: FailurePace, address: string, count: number, due: string[]): Promise<void>[] {
  return Array.from({ length: count }, () => {
    const turn = pace.wait(address);
    if (turn === undefined) due.push(address);
    return (turn ?? Promise.resolve()).then(() => {
      if (turn !== undefined) due.push(address);
    });
  });
}

describe('FailurePace', () => {
  test('answers some at once, and the rest later', async () => {
    const pace = new FailurePace();
    const due: string[] = [];
    const all = ask(pace, '192.0.2.1', crowd, due);
    expect(due.length).toBeGreaterThan(0);
    expect(due.length).toBeLessThan(crowd / 2);
    await Promise.all(all);
    expect(due).toHaveLength(crowd);
  });

  test('lets a client in turn, however many of another wait', async () => {
    const pace = new FailurePace();
    const due: string[] = [];
    const all = ask(pace, '192.0.2.1', crowd, due);
    await Promise.all(ask(pace, '198.51.100.2', 1, due));
    expect(due.length).toBeLessThan(crowd / 2);
    await Promise.all(all);
  });

  test('holds no more than it can afford: what comes then is answered at once', async () => {
    const pace = new FailurePace();
    let isAtOnce = false;
    for (let count = 0; count < 10_000 && !isAtOnce; count += 1) {
      const turn = pace.wait('192.0.2.1');
      isAtOnce = count > crowd && turn === undefined;
    }
    expect(isAtOnce).toBe(true);
  });
});
