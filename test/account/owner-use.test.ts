import { describe, expect, test } from 'vitest';
import { OwnerUse } from '../../src/account/owner-use.ts';
import type { OwnerKey } from '../../src/names.ts';

const mallory = '/public/mallory' as OwnerKey;
const alice = '/public/alice' as OwnerKey;

describe('OwnerUse', () => {
  test('whoever used more comes later, until the others have used as much', () => {
    const use = new OwnerUse();
    use.serve(mallory);
    use.charge(mallory, 20);
    expect(use.of(alice)).toBeLessThan(use.of(mallory));
    for (let run = 0; run < 19; run += 1) {
      use.serve(alice);
      use.charge(alice, 1);
    }
    expect(use.of(alice)).toBeLessThan(use.of(mallory));
    use.serve(alice);
    use.charge(alice, 1);
    expect(use.of(alice)).toBe(use.of(mallory));
  });

  test('whoever used nothing for a while saves nothing up', () => {
    const use = new OwnerUse();
    for (let turn = 0; turn < 1_000; turn += 1) {
      use.serve(mallory);
      use.charge(mallory, 5);
    }
    expect(use.of(mallory) - use.of(alice)).toBe(5);
  });

  test('what was used while nobody else waited sets back by little', () => {
    const use = new OwnerUse();
    for (let turn = 0; turn < 1_000; turn += 1) use.charge(mallory, 5);
    expect(use.of(mallory) - use.of(alice)).toBe(100);
  });

  test('remembers so many owners, the last ones', () => {
    const use = new OwnerUse();
    use.charge(alice, 1);
    for (let count = 0; count < 5_000; count += 1) use.charge(`/${count}` as OwnerKey, 1);
    expect(use.of(alice)).toBe(0);
    expect(use.of('/4999' as OwnerKey)).toBe(1);
    expect(use.of('/3976' as OwnerKey)).toBe(1);
    expect(use.of('/3975' as OwnerKey)).toBe(0);
  });
});
