import { expect, test } from 'vitest';
import { MountReads } from '../../../src/deploy/look/mount-gates.ts';
import type { OwnerKey } from '../../../src/names.ts';

const [alice, bob] = ['/s/alice', '/s/bob'] as OwnerKey[] as [OwnerKey, OwnerKey];

test('small modules are rushed where more than two dozen of all owners are under way', async () => {
  const reads = new MountReads();
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  const pass = (owner: OwnerKey) => reads.forOwner(owner).small.pass(() => held);
  const all = Array.from({ length: 24 }, () => pass(alice));
  expect(reads.forOwner(bob).isRushed()).toBe(false);
  all.push(pass(bob));
  expect(reads.forOwner(alice).isRushed()).toBe(true);
  letGo();
  await Promise.all(all);
  expect(reads.forOwner(alice).isRushed()).toBe(false);
});
