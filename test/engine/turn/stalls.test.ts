import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Account } from '../../../src/account/account.ts';
import { createSharedAccount } from '../../../src/account/shared.ts';
import { Stalls } from '../../../src/engine/turn/stalls.ts';
import { ThreadCpu } from '../../../src/engine/turn/thread-cpu.ts';
import type { OwnerKey } from '../../../src/names.ts';

const mib = 1024 * 1024;
const mallory = '/public/mallory' as OwnerKey;
const alice = '/public/alice' as OwnerKey;

/** A thread whose clocks stand until they are turned. */
class TestThread {
  nowMs = 0;
  cpuMs = 0;
  uses: { readonly owner: OwnerKey; readonly bytes: number }[] = [];
  readonly charged = new Map<OwnerKey, number>();
  /** Of the thread, as the scheduler counts it. */
  readonly used = new Map<OwnerKey, number>();
  readonly cpu = new ThreadCpu(() => this.cpuMs);
  readonly stalls: Stalls;

  constructor(account?: Account) {
    this.stalls = new Stalls({
      account: account ?? { fadeHeapUses: () => undefined, heapUses: () => this.uses },
      cpu: this.cpu,
      nowMs: () => this.nowMs,
      use: { charge: (owner, ms) => this.used.set(owner, (this.used.get(owner) ?? 0) + ms) },
      onStall: (owner, ms) => this.charged.set(owner, (this.charged.get(owner) ?? 0) + ms),
    });
    this.cpu.ask(0);
  }

  [Symbol.dispose](): void {
    this.stalls.close();
  }

  /** `cpuMs` of work in so many milliseconds, with no look at the clock between. */
  work(ms: number, cpuMs: number): void {
    this.nowMs += ms;
    this.cpuMs += cpuMs;
    this.cpu.ask(this.nowMs);
  }

  /** A while later, when collections have been told. */
  settle(): void {
    this.nowMs += 1_000;
    this.stalls.settle();
  }
}

describe('Stalls', () => {
  let thread: TestThread;
  beforeEach(() => {
    thread = new TestThread();
  });
  afterEach(() => thread.stalls.close());

  test('a collection is shared out by what owners have on the heap, whoever allocated last', () => {
    thread.uses = [
      { owner: mallory, bytes: 48 * mib },
      { owner: alice, bytes: 8 * mib },
    ];
    thread.work(50, 40);
    thread.stalls.noteStretch(alice, 40, { fromMs: 0, toMs: 50 });
    thread.stalls.noteCollections([{ startTime: 10, duration: 36 }]);
    thread.settle();
    // 8 MiB are the daemon's own; four milliseconds are nobody's business.
    expect(thread.charged.get(mallory)).toBeCloseTo((36 - 4) * (48 / 64));
    expect(thread.charged.get(alice)).toBeCloseTo((36 - 4) * (8 / 64));
  });

  test('for the order of turns it is taken from the run that it fell into', () => {
    thread.uses = [{ owner: mallory, bytes: 56 * mib }];
    thread.work(50, 41);
    thread.stalls.noteStretch(alice, 41, { fromMs: 0, toMs: 50 });
    thread.stalls.noteCollections([{ startTime: 10, duration: 36 }]);
    expect(thread.used.get(alice)).toBe(-36);
    expect(thread.used.get(mallory)).toBeCloseTo(36 * (56 / 64));
    // Another that fell into it: she is not given more than she used.
    thread.stalls.noteCollections([{ startTime: 1, duration: 30 }]);
    expect(thread.used.get(alice)).toBe(-41);
  });

  test('an hour of requests does not outweigh what somebody hoards now', () => {
    const account = new Account(
      createSharedAccount({ threads: 1, bytesMax: 1024 * mib, memoriesMax: 10 }),
      0,
    );
    using hour = new TestThread(account);
    const honest = account.shareOf(alice);
    for (let second = 0; second < 3_600; second += 1) {
      for (let request = 0; request < 100; request += 1) {
        honest.charge('run', 16 * 1024);
        honest.release('run', 16 * 1024);
      }
      hour.settle();
    }
    account.shareOf(mallory).charge('heap', 64 * mib);
    hour.work(200, 180);
    hour.stalls.noteCollections([{ startTime: hour.nowMs - 180, duration: 180 }]);
    expect(hour.charged.get(alice)).toBeLessThan(10);
    expect(hour.charged.get(mallory)).toBeGreaterThan(100);
  });

  test('a thread that waited for a core was held up by nobody', () => {
    thread.uses = [{ owner: mallory, bytes: 56 * mib }];
    thread.work(100, 3);
    thread.stalls.noteCollections([{ startTime: 10, duration: 80 }]);
    expect(thread.charged.size).toBe(0);
    thread.work(100, 12);
    thread.stalls.noteCollections([{ startTime: 110, duration: 80 }]);
    expect(thread.charged.get(mallory)).toBeCloseTo((12 - 4) * (56 / 64));
  });

  test('many short collections of what dies young are charged to nobody', () => {
    thread.uses = [{ owner: alice, bytes: 16 * mib }];
    for (let count = 0; count < 1_000; count += 1) {
      thread.work(4, 3.9);
      const startTime = thread.nowMs - 3.9;
      thread.stalls.noteCollections([{ startTime, duration: 3.9 }]);
      thread.stalls.settle();
    }
    thread.settle();
    expect(thread.charged.size).toBe(0);
  });

  test('what a run took at a stretch is charged to its owner, without collections', () => {
    thread.work(50, 50);
    thread.stalls.noteStretch(mallory, 50, { fromMs: 0, toMs: 50 });
    thread.stalls.noteCollections([{ startTime: 10, duration: 3 }]);
    thread.stalls.settle();
    expect(thread.charged.size).toBe(0);
    thread.settle();
    expect(thread.charged.get(mallory)).toBeCloseTo((50 - 3 - 20) / 20);
  });

  test('a short stretch owes nothing', () => {
    thread.stalls.noteStretch(mallory, 19, { fromMs: 0, toMs: 19 });
    thread.settle();
    expect(thread.charged.size).toBe(0);
  });

  test('stretches that wait are bounded', () => {
    for (let count = 0; count < 10_000; count += 1) {
      thread.stalls.noteStretch(mallory, 21, { fromMs: 0, toMs: 21 });
    }
    thread.settle();
    expect(thread.charged.get(mallory)).toBeCloseTo(256 / 20);
  });
});
