import { describe, expect, test } from 'vitest';
import { OwnedCache } from '../../src/account/owned-cache.ts';
import type { OwnerKey } from '../../src/names.ts';

const [alice, mallory, bob] = ['/s/alice', '/s/mallory', '/s/bob'] as OwnerKey[] as [
  OwnerKey,
  OwnerKey,
  OwnerKey,
];

function open(max: number) {
  const gone: string[] = [];
  const cache = new OwnedCache<string, { readonly name: string }>({
    max,
    dispose: ({ name }, key) => gone.push(`${key}=${name}`),
  });
  const add = (owner: OwnerKey, ...names: string[]): void => {
    for (const name of names) cache.add(owner, name, { name });
  };
  return { cache, gone, add };
}

describe('OwnedCache', () => {
  test('lets the owner who has the most give up what it used the longest ago', () => {
    const { cache, gone, add } = open(4);
    add(alice, 'a1');
    add(mallory, 'm1', 'm2', 'm3');
    expect(cache.get('m1')?.name).toBe('m1');
    add(mallory, 'm4', 'm5');
    expect(gone).toEqual(['m2=m2', 'm3=m3']);
    add(bob, 'b1');
    expect(gone.at(-1)).toBe('m1=m1');
    expect(cache.has('a1')).toBe(true);
    expect(cache.size).toBe(4);
  });

  test('among owners with as many lets the one go that was used the longest ago', () => {
    const { cache, gone, add } = open(2);
    add(alice, 'a1');
    add(bob, 'b1');
    cache.get('a1');
    add(mallory, 'm1');
    expect(gone).toEqual(['b1=b1']);
  });

  test('gives one owner all of the room where nobody else wants it', () => {
    const { cache, gone, add } = open(3);
    add(alice, 'a1', 'a2', 'a3');
    expect(gone).toEqual([]);
    add(alice, 'a3');
    expect(gone).toEqual(['a3=a3']);
    expect([...cache.values()].map(({ name }) => name)).toEqual(['a1', 'a2', 'a3']);
    cache.delete('a1');
    cache.delete('unknown');
    cache.clear();
    expect(gone).toEqual(['a3=a3', 'a1=a1', 'a2=a2', 'a3=a3']);
    expect(cache.size).toBe(0);
    expect(cache.get('a1')).toBeUndefined();
  });

  test('counts sizes where they are told, and keeps what was just taken in', () => {
    const cache = new OwnedCache<string, number>({
      max: 10,
      sizeOf: (value) => value,
      dispose: () => undefined,
    });
    cache.add(alice, 'a1', 2);
    cache.add(mallory, 'm1', 4);
    cache.add(mallory, 'm2', 4);
    cache.add(mallory, 'm3', 4);
    expect(['a1', 'm1', 'm2', 'm3'].map((key) => cache.has(key))).toEqual([
      ...[true, false, true, true],
    ]);
    cache.add(alice, 'a2', 10);
    expect(['a1', 'a2', 'm2', 'm3'].map((key) => cache.has(key))).toEqual([
      ...[false, true, false, false],
    ]);
    expect(cache.size).toBe(10);
  });
});
