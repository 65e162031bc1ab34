import { describe, expect, test } from 'vitest';
import { Account } from '../../../src/account/account.ts';
import type { Share } from '../../../src/account/share.ts';
import { createSharedAccount } from '../../../src/account/shared.ts';
import { HoldingBack } from '../../../src/engine/supply/holding-back.ts';
import type { OwnerKey } from '../../../src/names.ts';

const mallory = '/public/mallory' as OwnerKey;

class TestThread {
  readonly share: Share = new Account(
    createSharedAccount({ threads: 1, bytesMax: 1024, memoriesMax: 1 }),
    0,
  ).shareOf(mallory);
  readonly account = { ownerChanges: 0, knownShareOf: () => this.share };
  readonly limits = { stallMsPerSMax: 10 };
  /** Runs at once that owners may have, as they were told. */
  readonly told: (readonly [OwnerKey, number])[] = [];
  readonly held: OwnerKey[] = [];
  readonly holding = new HoldingBack({
    account: this.account,
    limits: this.limits,
    admission: { limitOwner: (owner, runsMax) => this.told.push([owner, runsMax]) },
    onHeld: (owner) => this.held.push(owner),
  });

  /** Another owner's run, and a look. */
  look(nowMs: number): void {
    this.account.ownerChanges += 1;
    this.holding.look(nowMs);
  }
}

describe('HoldingBack', () => {
  test('holds an owner until its debt is paid; then it has a few runs at once for a while', () => {
    const thread = new TestThread();
    thread.look(0);
    thread.holding.charge(mallory, 39, 10);
    expect(thread.told).toEqual([]);
    thread.holding.charge(mallory, 21, 10);
    expect(thread.told).toEqual([[mallory, 0]]);
    expect(thread.holding.isHeld(mallory)).toBe(true);
    expect(thread.share.isHeld).toBe(true);
    for (let nowMs = 0; nowMs <= 2_100; nowMs += 100) thread.look(nowMs);
    expect(thread.told.slice(1)).toEqual([[mallory, 4]]);
    expect(thread.share.isHeld).toBe(false);
    for (let nowMs = 2_200; nowMs <= 31_000; nowMs += 100) thread.look(nowMs);
    expect(thread.told.slice(2)).toEqual([[mallory, Number.POSITIVE_INFINITY]]);
    expect(thread.held).toEqual([mallory]);
  });

  test('holds nobody who is alone on the thread, and lets go when the others have gone', () => {
    const thread = new TestThread();
    thread.holding.charge(mallory, 350, 5_000);
    thread.holding.look(5_100);
    expect(thread.told).toEqual([]);
    thread.look(5_200);
    expect(thread.told).toEqual([[mallory, 0]]);
    thread.holding.look(7_100);
    expect(thread.holding.isHeld(mallory)).toBe(true);
    thread.holding.look(7_200);
    expect(thread.told.slice(1)).toEqual([[mallory, Number.POSITIVE_INFINITY]]);
  });

  test('takes nobody for there who only owes still', () => {
    const shared = createSharedAccount({ threads: 1, bytesMax: 1024 * 1024, memoriesMax: 1 });
    const account = new Account(shared, 0);
    const alice = '/public/alice' as OwnerKey;
    const holding = new HoldingBack({
      account,
      limits: { stallMsPerSMax: 10 },
      admission: { limitOwner: () => undefined },
    });
    for (const owner of [alice, mallory]) {
      account.shareOf(owner);
      holding.charge(owner, 60, 0);
      expect(holding.isHeld(owner)).toBe(true);
    }
    for (let nowMs = 100; nowMs <= 2_500; nowMs += 100) {
      account.shareOf(alice);
      holding.charge(alice, 5, nowMs);
      holding.look(nowMs);
    }
    expect(holding.isHeld(alice)).toBe(false);
  });

  test('whoever goes on after it was held is told from whoever was held for two pauses', () => {
    const thread = new TestThread();
    thread.look(0);
    thread.holding.charge(mallory, 50, 0);
    expect(thread.holding.isHeld(mallory)).toBe(true);
    expect(thread.share.isStalling).toBe(false);
    thread.holding.charge(mallory, 50, 0);
    expect(thread.share.isStalling).toBe(true);
    thread.look(2_000);
    expect(thread.share.isStalling).toBe(false);
  });

  test('the setting says how fast a debt is paid', () => {
    const thread = new TestThread();
    thread.limits.stallMsPerSMax = 1_000;
    thread.look(0);
    thread.holding.charge(mallory, 350, 0);
    thread.look(100);
    expect(thread.holding.isHeld(mallory)).toBe(false);
  });
});
