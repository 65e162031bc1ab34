import { describe, expect, test } from 'vitest';
import { openThreadClock } from '../../../src/engine/turn/thread-clock.ts';

describe('openThreadClock()', () => {
  test.runIf(process.platform === 'linux')('goes on between two looks, without a tick', () => {
    const read = openThreadClock();
    for (let look = 0; look < 100; look += 1) expect(read()).toBeLessThan(read());
  });

  test('tells the CPU time of the thread, in milliseconds', () => {
    const read = openThreadClock();
    const { user, system } = process.threadCpuUsage();
    // What the system tells is at most some ticks behind.
    expect(Math.abs(read() - (user + system) / 1_000)).toBeLessThan(100);
  });
});
