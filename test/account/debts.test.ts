import { describe, expect, test } from 'vitest';
import { Debts } from '../../src/account/debts.ts';
import type { OwnerKey } from '../../src/names.ts';

const mallory = '/public/mallory' as OwnerKey;
const alice = '/public/alice' as OwnerKey;
const rule = { paidMsPerS: 10, freeMs: 20, heldMsMax: 100, watchedMs: 30_000, ownersMax: 3 };

describe('Debts', () => {
  test('who owes more than is free is held until so much of the time has passed', () => {
    const debts = new Debts(rule);
    debts.charge(mallory, 60, 0);
    expect(debts.standing(mallory, 0)).toBe('held');
    expect(debts.of(mallory, 1_000)).toBe(50);
    expect(debts.standing(mallory, 3_999)).toBe('held');
    expect(debts.standing(mallory, 4_000)).toBe('watched');
    expect(debts.standing(mallory, 30_000)).toBe('free');
    expect(debts.standing(alice, 0)).toBe('free');
  });

  test('small sums add up, and are paid off between', () => {
    const debts = new Debts(rule);
    for (let ms = 0; ms < 10_000; ms += 1_000) debts.charge(mallory, 9, ms);
    expect(debts.standing(mallory, 10_000)).toBe('watched');
    for (let ms = 10_000; ms < 20_000; ms += 1_000) debts.charge(mallory, 13, ms);
    expect(debts.standing(mallory, 20_000)).toBe('held');
  });

  test('nobody is held for longer than the most that can be owed', () => {
    const debts = new Debts(rule);
    for (let count = 0; count < 1_000; count += 1) debts.charge(mallory, 40, 0);
    expect(debts.of(mallory, 0)).toBe(120);
    expect(debts.standing(mallory, 10_000)).toBe('watched');
  });

  test('review() tells each once when it is free again, and remembers a few', () => {
    const debts = new Debts(rule);
    debts.charge(mallory, 30, 0);
    debts.charge(alice, 1, 0);
    expect([...debts.review(0)]).toEqual([
      [mallory, 'held'],
      [alice, 'watched'],
    ]);
    expect([...debts.review(30_000)]).toEqual([
      [mallory, 'free'],
      [alice, 'free'],
    ]);
    expect(debts.size).toBe(0);
    for (const name of ['a', 'b', 'c', 'd']) debts.charge(name as OwnerKey, 30, 0);
    expect(debts.size).toBe(3);
    expect(debts.of('a' as OwnerKey, 0)).toBe(0);
  });
});
