import { describe, expect, test } from 'vitest';
import { Account } from '../../../src/account/account.ts';
import { createSharedAccount } from '../../../src/account/shared.ts';
import { Activation } from '../../../src/engine/run/activation.ts';
import { takeTrap } from '../../../src/engine/run/trap.ts';
import { Scheduler } from '../../../src/engine/turn/scheduler.ts';
import { ThreadCpu } from '../../../src/engine/turn/thread-cpu.ts';
import type { OwnerKey } from '../../../src/names.ts';
import { createLedger, glanceAt, LedgerPage } from '../../../src/threads/ledger.ts';

/** A thread whose clocks are turned by hand. */
class TestThread {
  nowMs = 1_000;
  readonly ledger = createLedger(1);
  readonly scheduler = new Scheduler<Activation>({ sliceMs: 1, nowMs: () => this.nowMs });
  readonly #account = new Account(
    createSharedAccount({ threads: 1, bytesMax: 2 ** 30, memoriesMax: 9 }),
    0,
  );

  activate({ site = '/site', client = 'someone', number = 0 } = {}): Activation {
    const parts = {
      scheduler: this.scheduler,
      trap: takeTrap(),
      page: new LedgerPage(this.ledger, 0),
      account: this.#account,
      nowMs: () => this.nowMs,
      cpu: new ThreadCpu(() => this.nowMs),
      limits: { cpuMsMax: 1_000 },
      guestCallMsMax: 5,
      memoryBytesMax: 65_536,
    };
    const shares = { owner: site as OwnerKey, site, client };
    const digestWords = new Int32Array(8).fill(number);
    return new Activation(parts, { shares, digestWords, fuel: 20_000 });
  }

  get running(): string | undefined {
    return glanceAt(this.ledger, 0).running?.slice(-1);
  }
}

describe('Scheduler.lend', () => {
  test('a run has the thread of one that is about to wait for it, and gives it back', () => {
    const thread = new TestThread();
    const [link, behind] = [thread.activate({ number: 1 }), thread.activate({ number: 2 })];
    expect(link.enter()).toBeUndefined();
    thread.nowMs += 0.1;
    thread.scheduler.lend(() => {
      expect(behind.enter(thread.nowMs, true)).toBeUndefined();
      expect([link.holdsThread, behind.holdsThread, behind.hasBorrowed]).toEqual([
        ...[false, true, true],
      ]);
      expect([thread.scheduler.current, thread.running]).toEqual([behind, '2']);
      thread.nowMs += 0.2;
      behind.leave();
    });
    expect([link.holdsThread, behind.holdsThread, thread.running]).toEqual([true, false, '1']);
    thread.nowMs += 0.1;
    link.leave();
    expect([link.cpuMs, behind.cpuMs]).toEqual([expect.closeTo(0.2), expect.closeTo(0.2)]);
    expect(thread.scheduler.current).toBeUndefined();
  });

  test('it is for runs of the same client and site, and for the call alone', async () => {
    const thread = new TestThread();
    const link = thread.activate();
    link.enter();
    const others = [thread.activate({ site: '/other' }), thread.activate({ client: 'other' })];
    const waiting = thread.scheduler.lend(() =>
      others.map((other) => other.enter(thread.nowMs, true)),
    );
    const late = thread.activate();
    waiting.push(late.enter(thread.nowMs, true));
    expect(waiting.every((each) => each instanceof Promise)).toBe(true);
    expect(thread.scheduler.current).toBe(link);
    link.leave();
    for (const each of [...others, late]) {
      each.end('abandoned');
      each.leave();
    }
    await Promise.allSettled(waiting);
    thread.scheduler.close();
  });

  test('all of it is one slice', async () => {
    const thread = new TestThread();
    const [link, behind] = [thread.activate(), thread.activate()];
    link.enter();
    thread.nowMs += 0.4;
    thread.scheduler.lend(() => {
      behind.enter(thread.nowMs, true);
      thread.nowMs += 0.5;
      expect(behind.looksOverdue()).toBe(false);
      thread.nowMs += 0.2;
      expect(behind.looksOverdue()).toBe(true);
      behind.leave();
    });
    expect(link.looksOverdue()).toBe(true);
    const tooLate = thread.activate();
    const waiting = thread.scheduler.lend(() => tooLate.enter(thread.nowMs, true));
    expect(waiting).toBeInstanceOf(Promise);
    tooLate.end('abandoned');
    link.leave();
    await expect(waiting).rejects.toThrow();
    thread.scheduler.close();
  });

  test('runs of a chain lend it on, so many at once', async () => {
    const thread = new TestThread();
    let begun = 0;
    const first = thread.activate();
    first.enter();
    const goOn = (): { readonly waiting: Promise<void>; readonly last: Activation } => {
      const next = thread.activate();
      return thread.scheduler.lend(() => {
        const waiting = next.enter(thread.nowMs, true);
        if (waiting !== undefined) return { waiting, last: next };
        begun += 1;
        const end = goOn();
        next.leave();
        return end;
      });
    };
    const { waiting, last } = goOn();
    expect([begun, thread.scheduler.current]).toEqual([8, first]);
    last.end('abandoned');
    await expect(waiting).rejects.toThrow();
    first.leave();
    thread.scheduler.close();
  });

  test('who would keep it beyond the call is ended', () => {
    const thread = new TestThread();
    const [link, behind] = [thread.activate(), thread.activate()];
    link.enter();
    thread.scheduler.lend(() => behind.enter(thread.nowMs, true));
    expect([behind.isEnding, behind.holdsThread, link.holdsThread]).toEqual([true, false, true]);
    link.leave();
  });
});
