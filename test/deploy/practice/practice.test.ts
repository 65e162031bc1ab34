import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { Builder } from '../../../src/deploy/build/builder.ts';
import { Trial } from '../../../src/deploy/build/trial.ts';
import { Practice } from '../../../src/deploy/practice/practice.ts';
import { parseFolderPath } from '../../../src/names.ts';
import { practiceKey, practise } from '../../../src/serve/practice.ts';

import { Engine } from '../../engine/world.ts';
import { World } from '../../support/abi-world.ts';

const limits = defaultLimits;
const greeting = new URL('../../../src/deploy/practice/greeting.wasm', import.meta.url);

function open(judgedMs: number[] = []) {
  const builder = new Builder({ limits, onJudged: (ms) => judgedMs.push(ms) });
  const trial = new Trial();
  onTestFinished(async () => {
    await Promise.all([builder.close(), trial.close()]);
  });
  return { builder, practice: new Practice({ builder, trial }) };
}

test('takes the roads of a module of somebody, and nobody is told of one', async () => {
  const judgedMs: number[] = [];
  const { practice } = open(judgedMs);
  practice.prepare();
  const loaded = await practice.run();
  expect(loaded).toMatchObject({ abi: 'wasi-http', isOptimised: false });
  expect(judgedMs).toEqual([]);
});

test('is left out where somebody has deployed, and done once', async () => {
  const { builder, practice } = open();
  const bytes = Uint8Array.from(readFileSync(greeting));
  await builder.build(async () => bytes);
  expect(await practice.run()).toBeUndefined();
  const { practice: other } = open();
  expect(await other.run()).toBeDefined();
  expect(await other.run()).toBeUndefined();
});

test('is on the account of no folder that a record may name', () => {
  expect(() => parseFolderPath(practiceKey)).toThrow(/malformed/);
});

test('leaves nothing with a serving thread', async () => {
  using engine = new Engine();
  const loaded = engine.load(readFileSync(greeting));
  await practise(engine.pool, loaded, { forRun: () => new World() });
  expect(engine.pool.counts).toMatchObject({ created: 1, discarded: 1 });
  expect(engine.pool.idleCount).toBe(0);
  expect(engine.account.memoriesHeld).toBe(0);
});
