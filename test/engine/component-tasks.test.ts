/** Components of one file that call each other's async functions. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Engine } from './world.ts';

const folder = join(import.meta.dirname, '../guests/components/text');
const guest = (name: string): Uint8Array => readFileSync(join(folder, `${name}.wasm`));

describe('components that call each other', () => {
  test('have tasks that take turns, though each is put off in the middle', async () => {
    using engine = new Engine({ limits: { sliceMs: 1 } });
    const loaded = engine.load(guest('turns'));
    for (let run = 0; run < 3; run += 1) {
      const { report } = await engine.run(loaded);
      // A good end, without the output that would answer.
      expect([report.exitCode, report.cause?.detail]).toEqual([
        undefined,
        expect.stringMatching(/header|answer|output/i),
      ]);
    }
  });

  test('allocate and clean up with words of their own', async () => {
    using engine = new Engine();
    const { report } = await engine.run(engine.load(guest('words')));
    // A good end, without the output that would answer.
    expect([report.exitCode, report.cause?.detail]).toEqual([
      undefined,
      expect.stringMatching(/header|answer|output/i),
    ]);
  });

  test.each([
    ['it was dropped', 'lent'],
    ['the call was cancelled', 'lent-cancelled'],
  ])('lend what they own, and have it still when %s', async (_when, name) => {
    using engine = new Engine();
    const { report } = await engine.run(engine.load(guest(name)));
    // A good end, without the output that would answer.
    expect([report.exitCode, report.cause?.detail]).toEqual([
      undefined,
      expect.stringMatching(/header|answer|output/i),
    ]);
  });

  test('may not keep what was lent to them', async () => {
    using engine = new Engine();
    const { report } = await engine.run(engine.load(guest('lent-kept')));
    expect(report.cause?.detail).toMatch(/what was lent to the task is dropped first/);
  });

  test('are ended at once where both wait for what cannot come', async () => {
    using engine = new Engine();
    const { report } = await engine.run(engine.load(guest('deadlock')));
    expect(report.cause?.detail).toMatch(/left to wait for/);
  });

  test('have so many tasks at once', async () => {
    using engine = new Engine({ limits: { componentTasksPerRunMax: 10 } });
    const { report } = await engine.run(engine.load(guest('task-flood')));
    expect(report.cause?.detail).toMatch(/at most 10 tasks that wait: received one more/);
  });
});
