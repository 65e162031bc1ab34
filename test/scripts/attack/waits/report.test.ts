import { expect, test } from 'vitest';
import type { Visit } from '../../../../scripts/attack/alice.ts';
import { describeWaits, type ThreadWaits } from '../../../../scripts/attack/waits/report.ts';

const quick: readonly Visit[] = Array.from({ length: 49 }, (_, number) => ({
  ...{ number, kind: 'function', sentAtMs: 1_000 + number, tookMs: 1 },
}));
const slow: Visit = { number: 77, kind: 'page', sentAtMs: 2_500, tookMs: 40 };
const thread: ThreadWaits = {
  thread: 'serving thread 0 1',
  visits: [
    {
      number: 77,
      marks: [
        ['heard', 2_510],
        ['open', 2_511],
        ['open done', 2_531],
        ['written', 2_539],
        ['left', 2_600],
      ],
    },
  ],
  holds: [
    { owner: 'mallory', fromMs: 2_490, toMs: 2_508 },
    { owner: 'alice', fromMs: 2_532, toMs: 2_534 },
  ],
  turns: [{ fromMs: 2_480, toMs: 2_520, cpuMs: 20 }],
  collections: [{ fromMs: 2_505, toMs: 2_510 }],
};

test('tells where the slowest waited, and what their thread did meanwhile', () => {
  const from = { alice: 'alice', startedAtMs: 1_000 };
  const lines = describeWaits([...quick, slow], [thread], from);
  expect(lines[0]).toBe('  waits: the slowest 1 of 50, from 40.0 ms: 1 of the page');
  expect(lines[1]).toBe('    by the second they came in: 1: 1');
  expect(lines[2]).toBe(
    '    the page, 40.0 ms: open → open done 20.0 ms, sent → heard 10.0 ms, ' +
      'open done → written 8.0 ms, heard → open 1.0 ms, written → answered 1.0 ms',
  );
  // Of the 20 ms in its turn the thread was on a core for half.
  expect(lines[3]).toBe(
    '      meanwhile its thread: nothing 18.0 ms, other work 10.0 ms, ' +
      "others' guests 5.0 ms, collector 5.0 ms, her guests 2.0 ms; 10.0 ms without a core",
  );
  expect(lines[4]).toMatch(/^ {4}40\.0 ms, the page, at 1\.5 s: open → open done 20\.0 ms/);
});

test('says what no thread has seen, and that nobody was answered', () => {
  const from = { alice: 'alice', startedAtMs: 1_000 };
  expect(describeWaits([slow], [], from)[2]).toContain('not seen 40.0 ms');
  expect(describeWaits([], [thread], from)).toEqual(['  waits: nobody was answered']);
});
