import { expect, test } from 'vitest';
import { publish, readMeasured } from '../../bench/publish.ts';
import type { Report, Row } from '../../bench/report.ts';

const machine = {
  node: 'v26.0.0',
  processor: 'A processor',
  cores: 2,
  load: 0.25,
  generator: 'wrk',
  isPinned: true,
};

function report(groups: Readonly<Record<string, readonly Row[]>>): Report {
  const named = Object.entries(groups).map(([name, rows]) => ({ name, rows }));
  return { machine, rounds: 5, seconds: 2, groups: named };
}

const described =
  '5 rounds of 2 s. A processor, 2 cores, server and generator on a core each; ' +
  'Node.js v26.0.0, wrk; load 0.3.';

const document = `# Numbers

<!-- measured: daemon -->
old
<!-- /measured -->

Words between.

<!-- measured: tls -->
kept
<!-- /measured -->
`;

test('writes the rows of a group that was measured, and leaves others and the words', () => {
  const rows: readonly Row[] = [
    { name: 'small guest', value: 31_234.4, unit: 'requests/s' },
    { name: 'ratio', value: 0.4567, unit: 'x', goal: { atLeast: 0.5 } },
    { name: 'other ratio', value: 2.5, unit: 'x', goal: { atMost: 3 } },
  ];
  expect(publish(document, readMeasured([report({ daemon: rows })]))).toBe(`# Numbers

<!-- measured: daemon -->

|  | Median | Goal |
|---|---|---|
| small guest | 31,234 requests/s |  |
| ratio | 0.457 × | **missed**: at least 0.5 |
| other ratio | 2.50 × | at most 3 |

${described}

<!-- /measured -->

Words between.

<!-- measured: tls -->
kept
<!-- /measured -->
`);
});

test('takes a group from the last report that has it, and leaves out what was not measured', () => {
  const early = report({ tls: [{ name: 'early', value: 1, unit: 'x' }] });
  const absent = { name: 'absent', value: JSON.parse('null'), unit: 'not installed' };
  const late = report({ tls: [{ name: 'late', value: 2, unit: 'x' }, absent] });
  const published = publish(document, readMeasured([early, late]));
  expect(published).toContain('| late | 2.00 × |');
  expect(published).not.toContain('early');
  expect(published).not.toContain('absent');
  expect(published).toContain('old');
});

test('the summary has the rows that are known by name, without their goals', () => {
  const text = '<!-- measured: summary -->\n<!-- /measured -->\n';
  const row: Row = {
    name: 'HTTPS against plain HTTP',
    value: 0.89,
    unit: 'x',
    goal: { atLeast: 0.8 },
  };
  const unknown: Row = { name: 'something else', value: 1, unit: 'x' };
  const published = publish(text, readMeasured([report({ tls: [row, unknown] })]));
  expect(published).toContain('| HTTPS against plain HTTP | 0.890 × |\n');
  expect(published).not.toContain('something else');
});
