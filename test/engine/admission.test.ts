import { describe, expect, it } from 'vitest';
import { Admission } from '../../src/engine/admission.ts';

const limits = { runsPerSiteMax: 2, queuedRunsPerSiteMax: 1 };

describe('Admission', () => {
  it('join() refuses what is beyond runs and queue together, for that site only', () => {
    const admission = new Admission(limits);
    for (let request = 0; request < 3; request += 1) admission.join('/a');
    expect(() => admission.join('/a')).toThrow(expect.objectContaining({ code: 'overloaded' }));
    expect(admission.join('/b').requests).toBe(1);
  });

  it('tryTakeSeat() gives a site its seats and no more', () => {
    const admission = new Admission(limits);
    const seats = [0, 1, 2].map(() => admission.join('/a'));
    expect(seats.map((each) => admission.tryTakeSeat(each))).toEqual([true, true, false]);
  });

  it('leave() hands the seat to who has waited longest, and makes room for another request', () => {
    const admission = new Admission({ ...limits, queuedRunsPerSiteMax: 2 });
    const seats = [0, 1, 2, 3].map(() => admission.join('/a'));
    const [first, second, third, fourth] = seats;
    if (!first || !second || !third || !fourth) throw new Error('four have joined');
    admission.tryTakeSeat(first);
    admission.tryTakeSeat(second);
    const seated: string[] = [];
    const fourthWaiter = { onSeat: () => seated.push('fourth') };
    admission.wait(third, { onSeat: () => seated.push('third') });
    admission.wait(fourth, fourthWaiter);
    admission.leave(first, true);
    expect(seated).toEqual(['third']);
    admission.withdraw(fourth, fourthWaiter);
    admission.leave(fourth, false);
    admission.leave(second, true);
    expect(seated).toEqual(['third']);
    expect(admission.tryTakeSeat(admission.join('/a'))).toBe(true);
  });
});
