import { describe, expect, test } from 'vitest';
import { Account } from '../../../src/account/account.ts';
import { createSharedAccount } from '../../../src/account/shared.ts';
import { Activation, type ThreadParts } from '../../../src/engine/run/activation.ts';
import { takeTrap } from '../../../src/engine/run/trap.ts';
import { Scheduler } from '../../../src/engine/turn/scheduler.ts';
import { Stalls } from '../../../src/engine/turn/stalls.ts';
import { ThreadCpu } from '../../../src/engine/turn/thread-cpu.ts';
import type { OwnerKey } from '../../../src/names.ts';
import { createLedger, LedgerPage } from '../../../src/threads/ledger.ts';

const nowMs = (): number => performance.now();
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function drainMicrotasks(): Promise<void> {
  for (let hop = 0; hop < 20; hop += 1) await undefined;
}

function newParts(options: Partial<ThreadParts> & { readonly sliceMs?: number } = {}): ThreadParts {
  return {
    scheduler: new Scheduler<Activation>({ sliceMs: options.sliceMs ?? 1_000, nowMs }),
    trap: takeTrap(),
    page: new LedgerPage(createLedger(1), 0),
    account: new Account(createSharedAccount({ threads: 1, bytesMax: 2 ** 30, memoriesMax: 9 }), 0),
    nowMs,
    cpu: options.cpu ?? new ThreadCpu(),
    limits: options.limits ?? { cpuMsMax: 1_000 },
    guestCallMsMax: options.guestCallMsMax ?? 5,
    memoryBytesMax: options.memoryBytesMax ?? 65_536,
  };
}

function activate(parts: ThreadParts, site = '/site'): Activation {
  const shares = { owner: site as OwnerKey, site, client: '' };
  return new Activation(parts, { shares, digestWords: new Int32Array(8), fuel: 20_000 });
}

describe('Activation', () => {
  test('of a run that was begun anew has used what that used before', () => {
    const parts = newParts({ limits: { cpuMsMax: 8 } });
    const shares = { owner: '/site' as OwnerKey, site: '/site', client: '' };
    const run = { shares, digestWords: new Int32Array(8), fuel: 20_000 };
    const activation = new Activation(parts, { ...run, cpuMsUsed: 8 });
    expect(activation.cpuMs).toBe(8);
    expect(activation.enter()).toBeUndefined();
    expect(() => activation.check(-1)).toThrow(parts.trap);
    expect(activation.hostEnd).toBe('out-of-cpu');
  });

  test('suspend() lets go of the thread, and has it again when the work is done', async () => {
    const activation = activate(newParts());
    expect(activation.enter()).toBeUndefined();
    const work = Promise.withResolvers<number>();
    const waiting = activation.suspend(work.promise);
    expect(activation.holdsThread).toBe(false);
    work.resolve(7);
    expect(await waiting).toBe(7);
    expect(activation.holdsThread).toBe(true);
  });

  test('suspend() of a run that used up its slice lets the event loop turn first', async () => {
    const activation = activate(newParts({ sliceMs: 0 }));
    activation.enter();
    const waiting = activation.suspend(Promise.resolve('ready at once'));
    await drainMicrotasks();
    expect(activation.holdsThread).toBe(false);
    await nextTurn();
    expect(await waiting).toBe('ready at once');
    expect(activation.holdsThread).toBe(true);
  });

  test('a long stretch on the thread is told as its owner’s, by CPU time', async () => {
    let ms = 1_000;
    let cpuMs = 0;
    const cpu = new ThreadCpu(() => cpuMs);
    const clock = { nowMs: () => ms };
    const scheduler = new Scheduler<Activation>({ sliceMs: 1_000, ...clock });
    const parts = { ...newParts({ cpu }), ...clock, scheduler };
    const charged: [string, number][] = [];
    const stalls = new Stalls({
      ...{ account: parts.account, cpu, use: scheduler, ...clock },
      onStall: (owner, stallMs) => charged.push([owner, stallMs]),
    });
    const hold = async (site: string, clockMs: number, usedMs: number): Promise<void> => {
      const activation = activate({ ...parts, stalls }, site);
      await activation.enter();
      ms += clockMs;
      cpuMs += usedMs;
      activation.leave();
    };
    await hold('/waits-for-a-core', 500, 15);
    await hold('/large', 100, 80);
    ms += 1_000;
    stalls.settle();
    stalls.close();
    expect(charged).toEqual([['/large', 3]]);
  });

  test('end() wakes a waiting run with the trap; what comes for it later is dropped', async () => {
    const parts = newParts();
    const activation = activate(parts);
    activation.enter();
    const work = Promise.withResolvers<number>();
    const waiting = activation.suspend(work.promise);
    activation.end('abandoned');
    await expect(waiting).rejects.toBe(parts.trap);
    work.resolve(1);
    await drainMicrotasks();
    expect(activation.holdsThread).toBe(false);
    expect(parts.scheduler.current).toBeUndefined();
  });

  test('end() takes a run out of the line for the thread', async () => {
    const parts = newParts();
    const [holder, queued, next] = [activate(parts), activate(parts), activate(parts)];
    holder.enter();
    const turn = queued.enter();
    const nextTurnOnThread = next.enter();
    queued.end('out-of-time');
    await expect(turn).rejects.toBe(parts.trap);
    holder.leave();
    await nextTurnOnThread;
    expect(parts.scheduler.current).toBe(next);
  });

  test('a run that is over does not begin to wait: nobody would wake it', async () => {
    const parts = newParts();
    const activation = activate(parts);
    activation.end('abandoned');
    const never = new Promise(() => undefined);
    await expect(activation.waitOutside(never)).rejects.toBe(parts.trap);
    await expect(activation.suspend(never)).rejects.toBe(parts.trap);
  });

  test('check() ends a run at its budget, and never yields below a call of the host', () => {
    const parts = newParts({ sliceMs: 0, limits: { cpuMsMax: 1_000 } });
    const activation = activate(parts);
    activation.enter();
    expect(activation.check(-1)).toBe(-1);
    expect(
      activation.callGuest((remaining: number) => activation.check(remaining), -1),
    ).toBeGreaterThan(0);
    const spent = activate(newParts({ limits: { cpuMsMax: 0 } }));
    spent.enter();
    expect(() => spent.check(-1)).toThrow();
    expect(spent.hostEnd).toBe('out-of-cpu');
  });

  test('check() ends no run that only waited for a processor', () => {
    let cpuUs = 0;
    const cpu = new ThreadCpu(() => cpuUs / 1_000);
    const activation = activate(newParts({ sliceMs: 1_000, limits: { cpuMsMax: 1 }, cpu }));
    activation.enter();
    const untilMs = performance.now() + 5;
    while (performance.now() < untilMs);
    expect(activation.check(-1)).toBeGreaterThan(0);
    cpuUs = 2_000;
    expect(() => activation.check(-1)).toThrow();
    expect(activation.hostEnd).toBe('out-of-cpu');
    activation.leave();
    expect(activation.cpuMs).toBe(2);
  });

  test('callGuest() of a run that waits borrows the thread, and gives it back', () => {
    const parts = newParts();
    const [waiting, holder] = [activate(parts), activate(parts)];
    waiting.enter();
    void waiting.suspend(new Promise(() => undefined));
    holder.enter();
    const current = waiting.callGuest(() => parts.scheduler.current, undefined);
    expect(current).toBe(waiting);
    expect(parts.scheduler.current).toBe(holder);
  });

  test('the first end of a run is the one that counts', () => {
    const activation = activate(newParts());
    activation.endByGuest({ kind: 'exited', exitCode: 3 });
    activation.end('out-of-time');
    expect(activation.hostEnd).toBeUndefined();
    expect(activation.explain(new Error('later'))).toEqual({ kind: 'exited', exitCode: 3 });
  });
});
