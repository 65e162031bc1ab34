import { describe, expect, test } from 'vitest';
import { Gate } from '../../src/account/gate.ts';
import type { OwnerKey } from '../../src/names.ts';

const ALICE = '/keybase/private/alice' as OwnerKey;
const MALLORY = '/keybase/private/mallory' as OwnerKey;

describe('Gate', () => {
  test('lets no more through than it may, in order, and goes on after a failure', async () => {
    const gate = new Gate({ passesMax: 2, passesPerOwnerMax: 2 }).forOwner(ALICE);
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

  test('serves owners in turn, and leaves none all of it', async () => {
    const gate = new Gate({ passesMax: 2, passesPerOwnerMax: 1 });
    const order: string[] = [];
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const pass = (owner: OwnerKey, name: string) =>
      gate.forOwner(owner).pass(async () => {
        order.push(name);
        await opened;
      });
    const work = [pass(MALLORY, 'm1'), pass(MALLORY, 'm2'), pass(MALLORY, 'm3')];
    work.push(pass(ALICE, 'a1'), pass(ALICE, 'a2'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual(['m1', 'a1']);
    open();
    await Promise.all(work);
    expect(order.slice(2, 4).sort()).toEqual(['a2', 'm2']);
    expect(order.at(-1)).toBe('m3');
  });
});
