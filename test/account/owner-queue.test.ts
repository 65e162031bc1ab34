import { describe, expect, test } from 'vitest';
import { OwnerQueue } from '../../src/account/owner-queue.ts';
import type { OwnerKey } from '../../src/names.ts';

const [alice, mallory, bob] = ['/s/alice', '/s/mallory', '/s/bob'] as OwnerKey[] as [
  OwnerKey,
  OwnerKey,
  OwnerKey,
];

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A queue by a clock of its own; work that takes so long as it is told. */
function openQueue(runningMax: number, queuedMax = 100, perOwner = {}) {
  let nowMs = 0;
  const queue = new OwnerQueue({ runningMax, queuedMax, ...perOwner, nowMs: () => nowMs });
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const add = (owner: OwnerKey, name: string): Promise<void> =>
    queue.pass(owner, async () => {
      begun.push(name);
      await new Promise<void>((resolve) => ends.set(name, resolve));
    });
  const end = async (name: string, tookMs = 0): Promise<void> => {
    await settle();
    nowMs += tookMs;
    ends.get(name)?.();
    await settle();
  };
  const wait = (ms: number): void => {
    nowMs += ms;
  };
  return { queue, begun, add, end, wait };
}

describe('OwnerQueue', () => {
  test('keeps a place for others, however much an owner has waiting', async () => {
    const { begun, add, end } = openQueue(2);
    const all = ['m1', 'm2', 'm3'].map((name) => add(mallory, name));
    await settle();
    expect(begun).toEqual(['m1']);
    all.push(add(alice, 'a1'));
    await settle();
    expect(begun).toEqual(['m1', 'a1']);
    for (const name of ['a1', 'm1', 'm2', 'm3']) await end(name);
    await Promise.all(all);
    expect(begun).toEqual(['m1', 'a1', 'm2', 'm3']);
  });

  test('runningPerOwnerMax: an owner has no more places, however many are free', async () => {
    const { queue, begun, add, end } = openQueue(8, 100, { runningPerOwnerMax: 2 });
    const all = ['m1', 'm2', 'm3', 'm4'].map((name) => add(mallory, name));
    await settle();
    expect(begun).toEqual(['m1', 'm2']);
    expect(queue.size).toBe(4);
    for (const name of ['m1', 'm2', 'm3', 'm4']) await end(name);
    await Promise.all(all);
    expect(queue.size).toBe(0);
  });

  test('lets in next who has used the least of late', async () => {
    const { begun, add, end, wait } = openQueue(1);
    const all = [add(mallory, 'm1'), add(mallory, 'm2'), add(bob, 'b1'), add(bob, 'b2')];
    await end('m1', 5_000);
    expect(begun).toEqual(['m1', 'b1']);
    await end('b1', 1_000);
    await end('b2', 1_000);
    expect(begun).toEqual(['m1', 'b1', 'b2', 'm2']);
    await end('m2', 2_000);
    // What was used is forgotten by halves: bob's 10 s of now outweigh what mallory used then.
    wait(600_000);
    all.push(add(bob, 'b3'), add(bob, 'b4'), add(mallory, 'm3'));
    await end('b3', 10_000);
    expect(begun.at(-1)).toBe('m3');
    await end('m3');
    await end('b4');
    await Promise.all(all);
  });

  test('gives one owner no more of queuedMax than is left for the others', async () => {
    const { add, begun, end } = openQueue(1, 10);
    const names = ['m1', 'm2', 'm3', 'm4', 'm5', 'm6'];
    const all = names.map((name) => add(mallory, name));
    await expect(add(mallory, 'm7')).rejects.toMatchObject({ code: 'overloaded' });
    all.push(add(alice, 'a1'), add(bob, 'b1'));
    await end('m1', 1_000);
    for (const name of ['a1', 'b1', ...names.slice(1)]) await end(name);
    await Promise.all(all);
    expect(begun.slice(0, 3)).toEqual(['m1', 'a1', 'b1']);
  });

  test('queuedMax: refuses what is more, and hands on what fails', async () => {
    const { add, end } = openQueue(1, 2);
    const all = [add(alice, 'a1'), add(alice, 'a2')];
    await expect(add(bob, 'b1')).rejects.toMatchObject({ code: 'overloaded' });
    await end('a1');
    await end('a2');
    await Promise.all(all);
    const queue = new OwnerQueue({ runningMax: 1, queuedMax: 1, nowMs: () => 0 });
    const fail = () => Promise.reject(new Error('no'));
    await expect(queue.pass(alice, fail)).rejects.toThrow('no');
    expect(await queue.pass(bob, async () => 'next')).toBe('next');
  });
});
