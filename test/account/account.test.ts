import { describe, expect, test } from 'vitest';
import { Account } from '../../src/account/account.ts';
import { Overseer } from '../../src/account/overseer.ts';
import { Holding } from '../../src/account/share.ts';
import { createSharedAccount } from '../../src/account/shared.ts';
import type { OwnerKey } from '../../src/names.ts';

const mib = 1024 * 1024;
/** A quarter of it is kept for what nobody charges. */
const usable = 768 * mib;

function createProcess(options: { memoriesMax?: number; threads?: number } = {}) {
  const { memoriesMax = 100, threads = 2 } = options;
  const shared = createSharedAccount({ threads, bytesMax: 1024 * mib, memoriesMax });
  return {
    shared,
    threads: Array.from({ length: threads }, (_, each) => new Account(shared, each)),
  };
}

function openTwo() {
  const { shared, threads } = createProcess();
  const [here, there] = threads;
  if (here === undefined || there === undefined) throw new TypeError('two threads');
  return { shared, here, there };
}

const owner = (name: string): OwnerKey => `/keybase/private/${name}` as OwnerKey;

describe('account', () => {
  test('knows what owners have for the collector of a thread, and have put there lately', () => {
    const { here, there } = openTwo();
    const share = here.shareOf(owner('mallory'));
    share.charge('heap', 8 * mib);
    share.charge('memory', 100 * mib);
    share.charge('reply', 16 * mib);
    share.release('reply', 16 * mib);
    share.noteTaken(mib);
    here.shareOf(owner('alice'));
    // Held and taken, buffers for a sixteenth, and what lies outside of the heap not at all.
    const lately = { owner: owner('mallory'), bytes: (16 + 1 + 1) * mib };
    expect(here.heapUses()).toEqual([lately]);
    expect(here.heapUses()).toEqual([{ owner: owner('mallory'), bytes: 8 * mib }]);
    share.release('heap', 8 * mib);
    expect(here.heapUses()).toEqual([]);
    expect(there.heapUses()).toEqual([]);
  });

  test('forgets by and by what owners have put there, and not what they have', () => {
    const { here } = openTwo();
    const mallory = here.shareOf(owner('mallory'));
    mallory.charge('heap', 8 * mib);
    here.fadeHeapUses();
    here.fadeHeapUses();
    expect(here.heapUses()).toEqual([{ owner: owner('mallory'), bytes: 10 * mib }]);
  });

  test('an owner who was pushed out has the same share again, as long as it is in use', () => {
    const { here } = openTwo();
    const share = here.shareOf(owner('mallory'));
    share.charge('heap', 8 * mib);
    here.heapUses();
    for (let count = 0; count < 17_000; count += 1) here.shareOf(owner(`${count}`));
    expect(here.heapUses()).toEqual([{ owner: owner('mallory'), bytes: 8 * mib }]);
    expect(here.knownShareOf(owner('mallory'))).toBe(share);
    expect(here.shareOf(owner('mallory'))).toBe(share);
  });

  test('no mark stays of an owner whom nobody looks for any more', () => {
    const { here } = openTwo();
    const shares = Array.from({ length: 33_500 }, (_, count) => {
      const share = here.shareOf(owner(`${count}`));
      share.mark({ isHeld: true, isStalling: true });
      return share;
    });
    const known = shares.filter((share, count) => here.knownShareOf(owner(`${count}`)) === share);
    expect(known).toHaveLength(16_384 + 16_384);
    expect(shares.filter(({ isStalling }) => isStalling)).toEqual(known);
  });

  test('notices that a thread has to do with more than one owner', () => {
    const { here } = openTwo();
    here.shareOf(owner('alice'));
    const before = here.ownerChanges;
    here.shareOf(owner('alice'));
    expect(here.ownerChanges).toBe(before);
    here.shareOf(owner('bob'));
    here.shareOf(owner('alice'));
    expect(here.ownerChanges).toBe(before + 2);
  });

  test('lets one owner have two thirds of what there is, and others what they need', () => {
    const { here, there } = openTwo();
    const greedy = here.shareOf(owner('mallory'));
    let held = 0;
    while (greedy.allows('bytes', mib)) {
      greedy.charge('memory', mib);
      held += mib;
    }
    expect(held).toBe((usable * 2) / 3);
    expect(there.shareOf(owner('mallory')).allows('bytes', mib)).toBe(false);
    expect(there.shareOf(owner('alice')).allows('bytes', 100 * mib)).toBe(true);
    expect(() => greedy.requireRoom(mib)).toThrow(/memory is short/);
    greedy.release('memory', 32 * mib);
    expect(greedy.allows('bytes', mib)).toBe(true);
  });

  test('leaves something for a newcomer, however many are greedy', () => {
    const { here, there } = openTwo();
    for (let round = 0; round < 1_000; round += 1) {
      for (let each = 0; each < 20; each += 1) {
        const share = (each % 2 === 0 ? here : there).shareOf(owner(`mallory${each}`));
        if (share.allows('bytes', mib)) share.charge('reply', mib);
      }
    }
    const left = usable - here.held().bytes;
    expect(left).toBeGreaterThan(usable / 50);
    expect(there.shareOf(owner('alice')).allows('bytes', left - mib)).toBe(true);
  });

  test('has a little for everybody of its margin, where others hold more than they may', () => {
    const { here, there } = openTwo();
    const greedy = here.shareOf(owner('mallory'));
    greedy.charge('memory', usable + 100 * mib);
    expect(greedy.allows('bytes', 1)).toBe(false);
    const alice = there.shareOf(owner('alice'));
    expect([alice.allows('bytes', 2 * mib), alice.allows('bytes', 20 * mib)]).toEqual([
      true,
      false,
    ]);
    greedy.charge('memory', 200 * mib);
    expect(alice.allows('bytes', 1)).toBe(false);
  });

  test('shares out memories by their number in the same way', () => {
    const { threads } = createProcess({ memoriesMax: 100 });
    const [here, there] = threads;
    const greedy = here?.shareOf(owner('mallory'));
    let taken = 0;
    for (; greedy?.allows('memories', 1) === true; taken += 1) greedy.addMemories(1);
    expect(taken).toBe(67);
    expect(there?.shareOf(owner('alice')).allows('memories', 30)).toBe(true);
    expect(there?.shareOf(owner('mallory')).allows('memories', 1)).toBe(false);
  });

  test('knows by what bytes are held, and comes back to zero', () => {
    const { here, there } = openTwo();
    const share = here.shareOf(owner('alice'));
    const body = new Holding(share, 'request-body');
    body.set(3 * mib);
    expect(body.tryAdd(2 * usable)).toBe(false);
    expect(body.tryAdd(mib)).toBe(true);
    here.common.charge('idle-guest', 5 * mib);
    expect(there.heldBy('request-body')).toBe(4 * mib);
    expect(there.held()).toMatchObject({ bytes: 4 * mib, idleBytes: 5 * mib });
    expect(there.shareOf(owner('alice')).held('bytes')).toBe(4 * mib);
    body.close();
    body.set(mib);
    here.common.release('idle-guest', 5 * mib);
    expect(there.held()).toEqual({ bytes: 0, idleBytes: 0, memories: 0 });
    expect(there.shareOf(owner('alice')).held('bytes')).toBe(0);
  });

  test('forgets what a thread held that has died', () => {
    const { shared, here, there } = openTwo();
    here.shareOf(owner('mallory')).charge('memory', 300 * mib);
    here.shareOf(owner('mallory')).addMemories(7);
    there.shareOf(owner('alice')).charge('memory', mib);
    new Overseer({ shared, idleGuestMsMax: 1_000 }).forget(0);
    expect(there.held()).toEqual({ bytes: mib, idleBytes: 0, memories: 0 });
    expect(there.shareOf(owner('mallory')).held('bytes')).toBe(0);
  });
});

describe('overseer', () => {
  test('counts what nobody charged, but leaves every owner a little', () => {
    const { shared, here } = openTwo();
    let resident = 100 * mib;
    const overseer = new Overseer({ shared, residentBytes: () => resident, idleGuestMsMax: 1_000 });
    overseer.begin();
    const alice = here.shareOf(owner('alice'));
    expect(alice.allows('bytes', usable - 101 * mib)).toBe(true);
    resident = 2_000 * mib;
    overseer.look();
    expect(alice.allows('bytes', 200 * mib)).toBe(false);
    expect(alice.allows('bytes', 20 * mib)).toBe(true);
    resident = 100 * mib;
    overseer.look();
    expect(alice.allows('bytes', 200 * mib)).toBe(true);
  });

  test('goes by what it heard last where the system does not say', () => {
    const { shared, here } = openTwo();
    let resident: number | undefined = 100 * mib;
    const overseer = new Overseer({ shared, residentBytes: () => resident, idleGuestMsMax: 1_000 });
    overseer.begin();
    resident = 2_000 * mib;
    overseer.look();
    resident = undefined;
    overseer.look();
    expect(here.shareOf(owner('alice')).allows('bytes', 200 * mib)).toBe(false);
  });

  test('lets idle guests go sooner and sooner while memory is short, and only then', () => {
    const { shared, here } = openTwo();
    const residentBytes = (): number => 100 * mib + here.held().idleBytes + here.held().bytes;
    const overseer = new Overseer({ shared, residentBytes, idleGuestMsMax: 64_000 });
    overseer.begin();
    here.common.charge('idle-guest', 600 * mib);
    overseer.look();
    expect([here.idleMsMax, here.isShort]).toEqual([64_000, false]);
    here.shareOf(owner('mallory')).charge('memory', 200 * mib);
    overseer.look();
    expect([here.idleMsMax, here.isShort]).toEqual([32_000, true]);
    for (let looks = 0; looks < 12; looks += 1) overseer.look();
    expect(here.idleMsMax).toBe(0);
    here.common.release('idle-guest', 200 * mib);
    overseer.look();
    expect(here.idleMsMax).toBe(64_000);
  });
});
