import { expect, test } from 'vitest';
import { publish, readMeasured } from '../../bench/publish.ts';
import { formatTable, median, medianRatio, type Row } from '../../bench/report.ts';

const failed: readonly Row[] = [
  { name: 'other server', value: Number.NaN, unit: 'requests/s' },
  { name: 'against it', value: Number.NaN, unit: 'x', goal: { atLeast: 5 } },
];

test('a round in which the other server failed is left out of medians and ratios', () => {
  expect(median([3, Number.NaN, 1, 2])).toBe(2);
  expect(medianRatio([4, 9, 8], [2, Number.NaN, 4])).toBe(2);
  expect(median([Number.NaN])).toBeNaN();
});

test('what was not measured says so, and misses no goal', () => {
  expect(formatTable(failed)).toBe(
    'other server  not measured (requests/s)\nagainst it    not measured (x)',
  );
});

test('a group of which nothing was measured leaves the table that is there', () => {
  const document = '<!-- measured: wasi -->\nold\n<!-- /measured -->\n';
  const machine = {
    ...{ node: 'v26.0.0', processor: 'A', cores: 2, load: 0, generator: 'wrk', isPinned: true },
  };
  const report = { machine, rounds: 1, seconds: 1, groups: [{ name: 'wasi', rows: failed }] };
  expect(publish(document, readMeasured([report]))).toBe(document);
});
