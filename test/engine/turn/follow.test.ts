import { describe, expect, test } from 'vitest';
import { type Steps, wait } from '../../../src/abi/steps.ts';
import { Account } from '../../../src/account/account.ts';
import { createSharedAccount } from '../../../src/account/shared.ts';
import { Activation, type ThreadParts } from '../../../src/engine/run/activation.ts';
import { takeTrap } from '../../../src/engine/run/trap.ts';
import { follow } from '../../../src/engine/turn/follow.ts';
import { Scheduler } from '../../../src/engine/turn/scheduler.ts';
import { ThreadCpu } from '../../../src/engine/turn/thread-cpu.ts';
import type { OwnerKey } from '../../../src/names.ts';
import { createLedger, LedgerPage } from '../../../src/threads/ledger.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function newParts(sliceMs: number): ThreadParts {
  return {
    scheduler: new Scheduler<Activation>({ sliceMs, nowMs: () => 0 }),
    trap: takeTrap(),
    page: new LedgerPage(createLedger(1), 0),
    account: new Account(createSharedAccount({ threads: 1, bytesMax: 2 ** 30, memoriesMax: 9 }), 0),
    nowMs: () => performance.now(),
    cpu: new ThreadCpu(),
    limits: { cpuMsMax: 1_000 },
    guestCallMsMax: 5,
    memoryBytesMax: 65_536,
  };
}

function activate(parts: ThreadParts, site: string): Activation {
  const shares = { owner: site as OwnerKey, site, client: '' };
  return new Activation(parts, { shares, digestWords: new Int32Array(8), fuel: 20_000 });
}

function* pieces(count: number, done: string[], name: string): Steps<string> {
  for (let piece = 1; piece <= count; piece += 1) {
    done.push(`${name}${piece}`);
    yield;
  }
  return name;
}

describe('follow', () => {
  test('does all pieces at once while there is time', () => {
    const activation = activate(newParts(1_000), '/a');
    activation.enter();
    const done: string[] = [];
    expect(follow(activation, pieces(3, done, 'a'))).toBe('a');
    expect(done).toEqual(['a1', 'a2', 'a3']);
    expect(activation.holdsThread).toBe(true);
  });

  test('lets others have turns between the pieces when the slice is over', async () => {
    const parts = newParts(0);
    const [first, second] = [activate(parts, '/a'), activate(parts, '/b')];
    const done: string[] = [];
    first.enter();
    const firstResult = follow(first, pieces(3, done, 'a'));
    expect(done).toEqual(['a1']);
    expect(first.holdsThread).toBe(false);
    await second.enter();
    const secondResult = follow(second, pieces(2, done, 'b'));
    const leaveWhenDone = async (result: unknown, activation: Activation): Promise<unknown> => {
      const value = await result;
      expect(activation.holdsThread).toBe(true);
      activation.leave();
      return value;
    };
    const results = [leaveWhenDone(firstResult, first), leaveWhenDone(secondResult, second)];
    expect(await Promise.all(results)).toEqual(['a', 'b']);
    expect(done.slice(0, 2)).toEqual(['a1', 'b1']);
    expect(done).toHaveLength(5);
  });

  test('gives a promise’s value, or its error, on the turn of the guest', async () => {
    const activation = activate(newParts(1_000), '/a');
    activation.enter();
    const held: boolean[] = [];
    const asking = function* (): Steps<string> {
      const value = yield* wait(Promise.resolve('value'));
      held.push(activation.holdsThread);
      try {
        yield* wait(Promise.reject(new Error('refused')));
      } catch (error) {
        held.push(activation.holdsThread);
        return `${value}, ${error instanceof Error ? error.message : ''}`;
      }
      return '';
    };
    const result = follow(activation, asking());
    expect(activation.holdsThread).toBe(false);
    expect(await result).toBe('value, refused');
    expect(held).toEqual([true, true]);
  });

  test('steps that a hostcall’s promise brings are done on the turn of the guest', async () => {
    const activation = activate(newParts(1_000), '/a');
    activation.enter();
    const done: string[] = [];
    expect(await activation.suspend(Promise.resolve(pieces(2, done, 'a')))).toBe('a');
    expect(done).toEqual(['a1', 'a2']);
    expect(activation.holdsThread).toBe(true);
  });

  test('ends with the trap when the run ends meanwhile, and does no more', async () => {
    const parts = newParts(0);
    const activation = activate(parts, '/a');
    const done: string[] = [];
    activation.enter();
    const result = follow(activation, pieces(3, done, 'a'));
    activation.end('abandoned');
    await expect(result).rejects.toBe(parts.trap);
    await nextTurn();
    expect(done).toEqual(['a1']);
    expect(parts.scheduler.current).toBeUndefined();
  });

  test('what a step throws is why the run ends', async () => {
    const parts = newParts(0);
    const activation = activate(parts, '/a');
    activation.enter();
    const failing = function* (): Steps<string> {
      yield;
      throw new Error('a bug');
    };
    await expect(follow(activation, failing())).rejects.toBe(parts.trap);
    expect(activation.explain(undefined)).toMatchObject({ reason: expect.stringMatching('a bug') });
    activation.leave();
  });
});
