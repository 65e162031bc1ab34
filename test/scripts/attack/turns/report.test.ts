import { describe, expect, test } from 'vitest';
import { describeCores } from '../../../../scripts/attack/turns/cores.ts';
import { describeTurns, type ThreadTurns } from '../../../../scripts/attack/turns/report.ts';

const thread: ThreadTurns = {
  thread: 'serving thread 0 1',
  ...{ turns: 10, cpuMs: 60, p50Ms: 1, p99Ms: 40 },
  told: [
    { fromMs: 0, toMs: 50, cpuMs: 40, activeMs: 50 },
    { fromMs: 60, toMs: 100, cpuMs: 5, activeMs: 40 },
  ],
  collections: [{ atMs: 70, ms: 20, kind: 4 }],
  samples: [
    { atMs: 10, stack: ['copy', 'put serve/a.ts:1'] },
    { atMs: 11, stack: ['copy', 'put serve/a.ts:1'] },
    { atMs: 12, stack: ['look serve/b.ts:2'] },
    { atMs: 55, stack: ['(idle)'] },
    { atMs: 80, stack: ['(garbage collector)'] },
  ],
};

describe('describeTurns()', () => {
  test('tells turns that worked long from those that waited long', () => {
    expect(describeTurns([thread])[0]).toContain('1 of 15 ms or more (40 ms); 1 waited as long');
  });

  test('names what a turn did, and the collections that fell into it', () => {
    const lines = describeTurns([thread]);
    expect(lines[2]).toContain(
      '40 ms of CPU in 50 ms: collector none; 67 % copy < put serve/a.ts:1',
    );
    expect(lines[3]).toContain('1 mark-compact 20 ms, longest 20 ms; 100 % (garbage collector)');
  });

  test('leaves threads out that did nothing, and begins with the busiest', () => {
    const busier = { ...thread, thread: 'control', cpuMs: 90 };
    const lines = describeTurns([thread, busier, { ...thread, thread: 'idle', turns: 0 }]);
    expect(lines[0]).toContain('control');
    expect(lines.join('\n')).not.toContain('idle');
  });
});

test('describeCores() tells shares of a core, without those that hardly did anything', () => {
  const uses = [
    { name: 'daemon/log writer', cpuMs: 5, waitedMs: 900 },
    { name: 'daemon/serving thread', cpuMs: 500, waitedMs: 250 },
  ];
  expect(describeCores(uses, 1_000)).toEqual([
    '  daemon/serving thread: 50 % of a core, waited for one 25 %',
  ]);
});
