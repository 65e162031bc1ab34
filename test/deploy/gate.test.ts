import { describe, expect, it } from 'vitest';
import { Gate } from '../../src/deploy/gate.ts';

describe('Gate', () => {
  it('lets no more through than it may, in order, and goes on after a failure', async () => {
    const gate = new Gate(2);
    let passing = 0;
    let passingMax = 0;
    const order: number[] = [];
    const pass = (number: number) =>
      gate.pass(async () => {
        passing += 1;
        passingMax = Math.max(passingMax, passing);
        order.push(number);
        await new Promise((resolve) => setImmediate(resolve));
        passing -= 1;
        if (number === 1) throw new RangeError('one');
        return number;
      });
    const results = await Promise.allSettled([0, 1, 2, 3, 4, 5].map(pass));
    expect(passingMax).toBe(2);
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
    expect(results.map(({ status }) => status).filter((status) => status === 'rejected')).toEqual([
      'rejected',
    ]);
    expect(await pass(9)).toBe(9);
  });
});
