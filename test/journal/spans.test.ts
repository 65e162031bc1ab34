import { describe, expect, test } from 'vitest';
import { attributesText, SpanWriter } from '../../src/journal/span-text.ts';
import { RequestSpans } from '../../src/journal/spans.ts';
import { TraceIds } from '../../src/journal/trace-parent.ts';
import { readTrace } from '../../src/journal/trace-record.ts';

const epochMs = Date.UTC(2026, 0, 1);

/** A request that begins at 0.25 ms; the clock then moves by hand. */
function open(propagates = false) {
  const clock = { ms: 0.25 };
  const world = {
    ...{ ids: new TraceIds(), writer: new SpanWriter(), propagates },
    nowMs: () => clock.ms,
  };
  const traceId = world.ids.traceId();
  return { clock, spans: new RequestSpans(world, { traceId, startedAtMs: clock.ms, epochMs }) };
}

const end = (spans: RequestSpans, attributes = {}): string =>
  spans.end({
    ...{ name: '"GET /x"', isError: false, tookMs: 4 },
    attributes: attributesText(attributes),
  });

/** The line as a collector reads it. */
const spansOf = (line: string) => JSON.parse(`[${line.slice(0, -2)}]`);

describe('spans', () => {
  test('are one line, and each has a comma behind it', () => {
    const { spans } = open();
    spans.begin('kv.read', 'internal')(false);
    const line = end(spans);
    expect(line.endsWith('},\n')).toBe(true);
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(spansOf(line)).toHaveLength(2);
  });

  test('have numbers as OTLP has them in JSON', () => {
    const { spans } = open();
    const [span] = spansOf(end(spans, { whole: 2, part: 0.5, yes: true, word: 'a "b"\n<c>' }));
    expect(span.startTimeUnixNano).toBe('1767225600000250000');
    expect(span.endTimeUnixNano).toBe('1767225600004250000');
    expect(span.attributes).toEqual([
      { key: 'whole', value: { intValue: '2' } },
      { key: 'part', value: { doubleValue: 0.5 } },
      { key: 'yes', value: { boolValue: true } },
      { key: 'word', value: { stringValue: 'a "b"\n<c>' } },
    ]);
  });

  test('keep their times over the end of a second', () => {
    const { clock, spans } = open();
    clock.ms = 999.75;
    const endSpan = spans.begin('site', 'internal');
    clock.ms = 1_000.5;
    endSpan(false);
    const [, span] = spansOf(end(spans));
    expect(span.startTimeUnixNano).toBe('1767225600999750000');
    expect(span.endTimeUnixNano).toBe('1767225601000500000');
  });

  test('stand below the run that asked, of several', () => {
    const { spans } = open(true);
    const runs = [spans.beginRun(true), spans.beginRun(false)];
    for (const run of runs) {
      run.begin('kv.read', 'internal')(false);
      run.end(false);
      expect(run.header).toBe(`00-${spans.traceId}-${run.spanId}-01`);
    }
    const [own, ...below] = spansOf(end(spans));
    const [first, second] = runs;
    expect(first?.spanId).not.toBe(second?.spanId);
    expect(below.map(({ parentSpanId }: { parentSpanId: string }) => parentSpanId)).toEqual([
      ...[first?.spanId, own.spanId],
      ...[second?.spanId, own.spanId],
    ]);
    expect(new Set([own, ...below].map(({ spanId }) => spanId)).size).toBe(5);
  });

  test('beyond 128 are counted, and the run is not among them', () => {
    const { spans } = open();
    const run = spans.beginRun(false);
    for (let count = 0; count < 130; count += 1) run.begin('kv.read', 'internal')(false);
    run.end(false);
    const trace = readTrace(end(spans, { 'faas.name': 'x.wasm' }));
    expect(trace.spans).toHaveLength(128);
    expect(trace.spans.at(-1)).toMatchObject({ name: 'guest.run', parent: 'request' });
    expect(trace.droppedSpans).toBe(3);
  });

  test('tell nobody else of the trace unless the operator wants it', () => {
    expect(open().spans.beginRun(false).header).toBeUndefined();
  });

  test('have names of bounded length, whatever a guest asks', () => {
    const { spans } = open();
    spans.begin(`outbound ${'X'.repeat(100_000)} host`, 'client')(true);
    const [, span] = spansOf(end(spans));
    expect(span.name).toHaveLength(300);
    expect(span).toMatchObject({ kind: 3, status: { code: 2 } });
  });
});

test('a trace is read again as it was told', async () => {
  const { clock, spans } = open();
  await expect(spans.watch('site', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  const run = spans.beginRun(true);
  clock.ms = 2.25;
  run.begin('outbound GET a.example', 'client')(false, { 'http.response.status_code': 200 });
  run.end(true);
  const trace = readTrace(end(spans, { 'faas.name': 'x.wasm', 'terrafirma.cpu_us': 12 }));
  expect(trace).toMatchObject({
    ...{ traceId: spans.traceId, name: 'GET /x', droppedSpans: 0 },
    attributes: { 'faas.name': 'x.wasm', 'terrafirma.cpu_us': 12 },
    spans: [
      { name: 'site', parent: 'request', isError: true },
      { name: 'outbound GET a.example', parent: 'run', isError: false },
      { name: 'guest.run', parent: 'request', attributes: { 'faas.coldstart': true } },
    ],
  });
  expect(trace.endMs - trace.startMs).toBeCloseTo(4, 2);
  expect(trace.startMs).toBeCloseTo(epochMs + 0.25, 2);
});
