import { describe, expect, test } from 'vitest';
import { type HeapUser, HeapUses } from '../../src/account/heap-uses.ts';
import type { OwnerKey } from '../../src/names.ts';

class User implements HeapUser {
  readonly owner: OwnerKey | undefined;
  isListed = false;
  heldBytes = 0;
  takenBytes = 0;

  constructor(name: string | undefined, takenBytes: number) {
    this.owner = name as OwnerKey | undefined;
    this.takenBytes = takenBytes;
  }

  get hasHeapBytes(): boolean {
    return this.heldBytes + this.takenBytes > 0;
  }

  takeHeapBytes(): number {
    const bytes = this.heldBytes + this.takenBytes;
    this.takenBytes = 0;
    return bytes;
  }
}

function listAll(uses: HeapUses, users: readonly User[]): void {
  for (const user of users) if (!user.isListed) uses.list(user);
}

describe('HeapUses', () => {
  test('tells who has something, and keeps those who still have it', () => {
    const uses = new HeapUses();
    const [holds, took] = [new User('/a', 10), new User('/b', 20)];
    holds.heldBytes = 1;
    listAll(uses, [holds, took, new User(undefined, 30)]);
    expect(uses.take()).toEqual([
      { owner: '/a', bytes: 11 },
      { owner: '/b', bytes: 20 },
    ]);
    expect([holds.isListed, took.isListed, uses.count]).toEqual([true, false, 1]);
    expect(uses.take()).toEqual([{ owner: '/a', bytes: 1 }]);
  });

  test('forgets those who have nothing any more, before there are too many', () => {
    const uses = new HeapUses();
    for (let round = 0; round < 10; round += 1) {
      const users = Array.from({ length: 1_000 }, (_, index) => new User(`/${index}`, 1));
      listAll(uses, users);
      for (const user of users) user.takenBytes = 0;
    }
    expect(uses.count).toBeLessThanOrEqual(2_000);
  });

  test('lists 32,768 and no more', () => {
    const uses = new HeapUses();
    const users = Array.from({ length: 33_000 }, (_, index) => new User(`/${index}`, 1));
    listAll(uses, users);
    expect(uses.count).toBe(32_768);
    expect(users.at(-1)?.isListed).toBe(false);
    expect(uses.take()).toHaveLength(32_768);
    listAll(uses, users.slice(-1));
    expect(uses.count).toBe(1);
  });
});
