import { describe, expect, test } from 'vitest';
import { CallsAtTheirTime } from '../../../src/daemon/cron/calls.ts';
import type { CronOrder, ToThread } from '../../../src/threads/messages.ts';
import { siteWith } from './world.ts';

const order: CronOrder = {
  site: siteWith(''),
  modulePath: 'a.wasm' as CronOrder['modulePath'],
  target: '',
  schedule: '@daily',
  scheduledAt: '2026-03-01T00:00:00.000Z',
  hostName: 'www.example.com',
};
const end = { status: 200, outcome: 'replied', requestId: 'r' };

function threadWith(isListening = true) {
  const told: ToThread[] = [];
  const worker = { postMessage: (message: ToThread) => void told.push(message) };
  return { worker, isListening, told };
}

describe('CallsAtTheirTime', () => {
  test('gives each to one thread that listens, by turns, and hears how it ended', async () => {
    const calls = new CallsAtTheirTime();
    const threads = [threadWith(), threadWith(false), threadWith()];
    const both = [calls.begin(order, threads, 60_000), calls.begin(order, threads, 60_000)];
    expect(threads.map(({ told }) => told.length)).toEqual([1, 0, 1]);
    for (const { told } of threads) {
      for (const message of told) if (message.kind === 'cron') calls.end(message.id, end);
    }
    expect(await Promise.all(both)).toEqual([end, end]);
    // Said twice, or too late.
    calls.end(1, end);
  });

  test('nobody knows the end when the thread ends, says nothing, or is none', async () => {
    const calls = new CallsAtTheirTime();
    const thread = threadWith();
    const forgotten = calls.begin(order, [thread], 60_000);
    calls.forget(threadWith());
    calls.forget(thread);
    await expect(forgotten).rejects.toMatchObject({ code: 'no-verdict' });
    await expect(calls.begin(order, [thread], 1)).rejects.toMatchObject({ code: 'no-verdict' });
    await expect(calls.begin(order, [threadWith(false)], 1)).rejects.toMatchObject({
      code: 'no-verdict',
    });
  });
});
