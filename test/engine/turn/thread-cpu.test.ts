import { describe, expect, test } from 'vitest';
import { CpuAccount, ThreadCpu } from '../../../src/engine/turn/thread-cpu.ts';

/** A thread that uses as much CPU time as it is told, and counts how often it was asked. */
class TestThread {
  cpuMs = 0;
  asked = 0;
  readonly cpu = new ThreadCpu(() => {
    this.asked += 1;
    return this.cpuMs;
  });
}

describe('CpuAccount', () => {
  test('counts no time in which the thread waited for a processor', () => {
    const thread = new TestThread();
    const account = new CpuAccount(thread.cpu);
    account.start(100);
    thread.cpuMs = 3;
    expect(account.usedMsAt(110)).toBe(3);
    expect(account.hasSpentBudget(5, 110)).toBe(false);
    thread.cpuMs = 5;
    expect(account.hasSpentBudget(5, 112)).toBe(true);
    account.stop(112);
    expect(account.usedMs).toBe(5);
  });

  test('of a run that is begun anew has what is left of the budget, and a whole slice', () => {
    const thread = new TestThread();
    const account = new CpuAccount(thread.cpu, 5);
    expect(account.usedMs).toBe(5);
    account.start(100);
    thread.cpuMs = 2;
    expect(account.hasSpentBudget(8, 102)).toBe(false);
    expect(account.hasSpentSlice(3, 102)).toBe(false);
    thread.cpuMs = 3;
    expect(account.hasSpentBudget(8, 103)).toBe(true);
    expect(account.hasSpentSlice(3, 103)).toBe(true);
    account.stop(103);
    expect(account.usedMs).toBe(8);
  });

  test('takes the word of the clock for short runs: it does not ask the system for each', () => {
    const thread = new TestThread();
    const account = new CpuAccount(thread.cpu);
    for (let run = 0; run < 10; run += 1) {
      account.start(run / 100);
      account.stop(run / 100 + 0.005);
    }
    expect(account.usedMs).toBeCloseTo(0.05);
    expect(thread.asked).toBe(1);
  });

  test('asks only when the time on the clock would be too much', () => {
    const thread = new TestThread();
    const account = new CpuAccount(thread.cpu);
    account.start(0);
    expect(thread.asked).toBe(1);
    for (let nowMs = 1; nowMs < 50; nowMs += 1) {
      expect(account.hasSpentBudget(50, nowMs)).toBe(false);
    }
    expect(thread.asked).toBe(1);
    expect(account.hasSpentBudget(50, 50)).toBe(false);
    expect(thread.asked).toBe(2);
  });

  test('never counts more than the clock, whatever others used on the thread before', () => {
    const thread = new TestThread();
    const account = new CpuAccount(thread.cpu);
    thread.cpu.ask(0);
    thread.cpuMs = 0.1;
    account.start(0.1);
    thread.cpuMs = 1.1;
    expect(account.usedMsAt(1.1)).toBe(1);
  });

  test('renewBudget() and renewSlice() begin anew from what was used', () => {
    const thread = new TestThread();
    const account = new CpuAccount(thread.cpu);
    account.start(0);
    thread.cpuMs = 10;
    account.stop(10);
    account.renewBudget(10);
    expect(account.hasSpentBudget(1, 10)).toBe(false);
    expect(account.hasSpentSlice(1, 10)).toBe(true);
    account.renewSlice();
    expect(account.hasSpentSlice(1, 10)).toBe(false);
    account.start(20);
    thread.cpuMs = 11;
    expect(account.hasSpentSlice(1, 21)).toBe(true);
    expect(account.hasSpentBudget(1, 21)).toBe(true);
  });
});
