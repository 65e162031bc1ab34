import { expect, test } from 'vitest';
import { Traces } from '../../../src/daemon/traces/traces.ts';
import type { TraceRecord } from '../../../src/journal/spans.ts';
import { askAdmin, socketOf } from '../../support/admin.ts';
import { TestDaemon, waitFor } from '../../support/daemon.ts';
import { TestFolder } from '../../support/folder.ts';
import { ask } from '../../support/http.ts';

const traceOf = (id: string): TraceRecord => ({
  ...{ traceId: '0'.repeat(31) + 1, spanId: '0'.repeat(15) + 1, name: 'GET /', isError: false },
  ...{ startMs: 0, endMs: 1, attributes: { 'faas.invocation_id': id }, spans: [] },
  droppedSpans: 0,
});

test('the newest traces stay, whatever comes at once', () => {
  const traces = new Traces(undefined);
  traces.take(Array.from({ length: 2_100 }, (_, at) => traceOf(`a-${at}`)));
  expect(traces.traceOf('a-51')).toBeUndefined();
  expect(traces.traceOf('a-52')).toBeDefined();
  traces.take([traceOf('b-1')]);
  expect(traces.traceOf('a-52')).toBeUndefined();
  expect(traces.traceOf('b-1')?.attributes).toEqual({ 'faas.invocation_id': 'b-1' });
});

test('fewer of them stay where they have many spans', () => {
  const span = { parent: 'run', startMs: 0, endMs: 1, isError: false, attributes: {} } as const;
  const spans = Array.from({ length: 128 }, (_, at) => ({ ...span, name: `kv.${at}` }));
  const traces = new Traces(undefined);
  traces.take(Array.from({ length: 200 }, (_, at) => ({ ...traceOf(`a-${at}`), spans })));
  expect(traces.traceOf('a-71')).toBeUndefined();
  expect(traces.traceOf('a-72')).toBeDefined();
});

test('without a collector a request is traced all the same, and found by its trace', async () => {
  using folder = new TestFolder();
  folder.put('hello');
  await using daemon = await TestDaemon.start({
    args: [folder.directory],
    env: { TERRAFIRMA_TELEMETRY_SAMPLE_RATIO: '1' },
  });
  const { headers } = await ask(daemon.port, '/hello.wasm');
  const id = String(headers['x-request-id']);
  const socket = socketOf(daemon);
  const trace = await waitFor(async () => {
    const { json } = await askAdmin(socket, `/v1/traces/${id}`);
    return json.trace ?? undefined;
  });
  expect(trace.spans.map(({ name }: { name: string }) => name)).toContain('guest.run');
  for (const { atMs, tookMs } of trace.spans) {
    expect(atMs).toBeGreaterThanOrEqual(0);
    expect(atMs + tookMs).toBeLessThanOrEqual(trace.tookMs + 1);
  }
  const { json: log } = await askAdmin(socket, `/v1/log?trace=${trace.traceId}`);
  expect(log.lines).toMatchObject([{ id, traceId: trace.traceId }]);
  const other = `/v1/traces/${id}?folder=${encodeURIComponent('/keybase/public/alice')}`;
  expect((await askAdmin(socket, other)).json).toMatchObject({ trace: null });
  expect((await askAdmin(socket, '/v1/traces/none')).json.trace).toBeNull();
});
