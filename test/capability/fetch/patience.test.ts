import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { Patience } from '../../../src/capability/fetch/patience.ts';
import { ReplyCollector } from '../../../src/capability/fetch/reply.ts';
import { refusal } from '../outbound-bench.ts';

function newCollector(): ReplyCollector {
  const budget = { take: () => undefined, release: () => undefined };
  return new ReplyCollector({ replyBytesMax: 10, headersMax: 10 }, budget);
}

test('the end of the run gives up what is watched, and refuses what comes later', async () => {
  const run = new AbortController();
  const patience = new Patience(run.signal, 60_000);
  const collector = newCollector();
  patience.watch(collector);
  run.abort();
  await expect(collector.reply).rejects.toMatchObject(refusal('abandoned'));
  expect(() => patience.watch(newCollector())).toThrow('Cannot fetch: the run must still want');
  patience.end();
});

test('a run that has ended already is refused at once', () => {
  const patience = new Patience(AbortSignal.abort(), 60_000);
  expect(() => patience.watch(newCollector())).toThrow('Cannot fetch: the run must still want');
  patience.end();
});

test('the end of the time gives up what is watched', async () => {
  const patience = new Patience(new AbortController().signal, 1);
  const collector = newCollector();
  patience.watch(collector);
  await expect(collector.reply).rejects.toMatchObject(refusal('timeout', /within 1 ms/));
  patience.end();
});

test('end leaves nothing behind on the signal: a run sends many requests', () => {
  const run = new AbortController();
  const patience = new Patience(run.signal, 60_000);
  expect(getEventListeners(run.signal, 'abort')).toHaveLength(1);
  patience.end();
  expect(getEventListeners(run.signal, 'abort')).toHaveLength(0);
});
