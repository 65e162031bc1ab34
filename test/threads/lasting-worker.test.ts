import { expect, test } from 'vitest';
import { LastingWorker } from '../../src/threads/lasting-worker.ts';
import { entryBeside } from '../../src/threads/worker.ts';
import { untilHolds } from '../support/until-holds.ts';

function startLasting() {
  const messages: unknown[] = [];
  const crashes: string[] = [];
  let starts = 0;
  const worker = new LastingWorker<unknown>({
    plan: () => {
      starts += 1;
      return { entry: entryBeside(import.meta, './entry-thread'), name: 'test', data: starts };
    },
    backOff: { msMin: 1, msMax: 2, steadyMs: 60_000 },
    nowMs: () => performance.now(),
    onMessage: (message) => messages.push(message),
    onCrash: (detail) => crashes.push(detail),
  });
  return { worker, messages, crashes, starts: () => starts };
}

test('a thread that crashes has a successor, and the crash is told', async () => {
  const { crashes, messages, worker } = startLasting();
  await untilHolds(() => expect(messages).toEqual([{ kind: 'begun', data: 1 }]));
  worker.post('crash');
  await untilHolds(() => expect(messages.at(-1)).toEqual({ kind: 'begun', data: 2 }));
  expect(crashes).toEqual([expect.stringContaining('as it was told')]);
  await worker.close(0);
});

test('a thread that ends by itself has a successor, too', async () => {
  const { crashes, messages, worker } = startLasting();
  await untilHolds(() => expect(messages).toHaveLength(1));
  worker.post('end');
  await untilHolds(() => expect(messages.at(-1)).toEqual({ kind: 'begun', data: 2 }));
  expect(crashes).toEqual([]);
  await worker.close(0);
});

test('close() waits for a thread that was told to end, and there is no other', async () => {
  const { messages, starts, worker } = startLasting();
  await untilHolds(() => expect(messages).toHaveLength(1));
  worker.post('end');
  await worker.close(60_000);
  expect(starts()).toBe(1);
});

test('close() ends a thread that hangs', async () => {
  const { messages, starts, worker } = startLasting();
  await untilHolds(() => expect(messages).toHaveLength(1));
  worker.post('hang');
  await worker.close(1);
  expect(starts()).toBe(1);
});

test('close() between two threads resolves, and none comes', async () => {
  const gone = Promise.withResolvers<void>();
  let starts = 0;
  const worker = new LastingWorker<unknown>({
    plan: () => {
      starts += 1;
      return { entry: entryBeside(import.meta, './entry-thread'), name: 'test' };
    },
    backOff: { msMin: 60_000, msMax: 60_000, steadyMs: 60_000 },
    nowMs: () => performance.now(),
    onMessage: () => worker.post('end'),
    onCrash: (detail) => expect.unreachable(detail),
    onGone: () => gone.resolve(),
  });
  await gone.promise;
  await worker.close(60_000);
  expect(starts).toBe(1);
});
