import { expect, test } from 'vitest';
import { parseHostName } from '../../src/names.ts';
import { DueIndex, stateAt } from '../../src/tls/due-index.ts';

test('certificates are good, due or over, and each is counted once', () => {
  const index = new DueIndex();
  const times = [
    [50, 90],
    [100, 200],
    [101, 200],
    [80, 100],
  ] as const;
  for (const [at, [renewAtMs, notAfterMs]] of times.entries()) {
    const hostName = parseHostName(`n${at}.example`);
    index.set({ hostName, renewAtMs, notAfterMs, windowAskAtMs: 0 });
  }
  expect(index.countStates(100)).toEqual({ good: 1, due: 1, over: 2 });
});

test('what is not renewed here is never due', () => {
  expect(stateAt(100, { notAfterMs: 101 })).toBe('good');
  expect(stateAt(101, { notAfterMs: 101 })).toBe('over');
});
