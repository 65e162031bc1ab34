import { describe, expect, test } from 'vitest';
import { parseTraceParent, TraceIds } from '../../src/journal/trace-parent.ts';

describe('the header traceparent', () => {
  const good = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  test('is read', () => {
    expect(parseTraceParent(good)).toMatchObject({ isSampled: true });
    expect(parseTraceParent(good.replace(/01$/, '00'))?.isSampled).toBe(false);
    expect(parseTraceParent(good.replace(/^00/, '01'))?.isSampled).toBe(true);
  });
  test.each([
    undefined,
    '',
    'x',
    `${good}-more`,
    good.replace(/^00/, 'ff'),
    good.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32)),
    good.replace('00f067aa0ba902b7', '0'.repeat(16)),
    good.toUpperCase(),
  ])('%j is none', (text) => {
    expect(parseTraceParent(text)).toBeUndefined();
  });
});

test('ids are hex digits, and no two are the same', () => {
  const ids = new TraceIds();
  // More than one block of random bytes has.
  const made = Array.from({ length: 1_000 }, () => [ids.traceId(), ids.spanId()]);
  for (const [traceId, spanId] of made) {
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(spanId).toMatch(/^[0-9a-f]{16}$/);
  }
  expect(new Set(made.flat()).size).toBe(2_000);
});
