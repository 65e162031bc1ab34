import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { ServerExchange } from '../../../src/capability/fetch/exchange.ts';
import { Patience } from '../../../src/capability/fetch/patience.ts';
import { refusal } from '../outbound-bench.ts';

function newExchange(): ServerExchange {
  const budget = { take: () => undefined, release: () => undefined };
  return new ServerExchange({ headersMax: 10, budget });
}

function within(timeoutMs: number) {
  return { timeoutMs, what: 'the reply must be whole' };
}

test('the end of the run gives up what is watched, and refuses what comes later', async () => {
  const run = new AbortController();
  const patience = new Patience(run.signal, within(60_000));
  const exchange = newExchange();
  patience.watch(exchange);
  run.abort();
  await expect(exchange.head).rejects.toMatchObject(refusal('abandoned'));
  expect(() => patience.watch(newExchange())).toThrow('Cannot fetch: the run must still want');
  patience.end();
});

test('a run that has ended already is refused at once', () => {
  const patience = new Patience(AbortSignal.abort(), within(60_000));
  expect(() => patience.watch(newExchange())).toThrow('Cannot fetch: the run must still want');
  patience.end();
});

test('the end of the time gives up what is watched', async () => {
  const patience = new Patience(new AbortController().signal, within(1));
  const exchange = newExchange();
  patience.watch(exchange);
  await expect(exchange.head).rejects.toMatchObject(refusal('timeout', /within 1 ms/));
  patience.end();
});

test('end leaves nothing behind on the signal: a run sends many requests', () => {
  const run = new AbortController();
  const patience = new Patience(run.signal, within(60_000));
  expect(getEventListeners(run.signal, 'abort')).toHaveLength(1);
  patience.end();
  expect(getEventListeners(run.signal, 'abort')).toHaveLength(0);
});

test('the time begins anew while something happens, until there is no hurry any more', async () => {
  const patience = new Patience(new AbortController().signal, within(1_000));
  const exchange = newExchange();
  patience.watch(exchange);
  const untilMs = performance.now() + 1_500;
  while (performance.now() < untilMs) {
    patience.renew();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  patience.stopTimer();
  patience.renew();
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  expect(() => patience.watch(exchange)).not.toThrow();
  patience.end();
});
