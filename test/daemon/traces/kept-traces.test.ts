import { expect, test } from 'vitest';
import { Traces } from '../../../src/daemon/traces/traces.ts';
import { LogQueueInput } from '../../../src/journal/log-queue.ts';
import { attributesText, SpanWriter } from '../../../src/journal/span-text.ts';
import { RequestSpans } from '../../../src/journal/spans.ts';
import { TraceIds } from '../../../src/journal/trace-parent.ts';
import { requestIdKey } from '../../../src/journal/trace-record.ts';
import { askAdmin, socketOf } from '../../support/admin.ts';
import { TestDaemon, waitFor } from '../../support/daemon.ts';
import { TestFolder } from '../../support/folder.ts';
import { ask } from '../../support/http.ts';

const kept = { requests: 2_048, bytes: 8 * 1024 * 1024, part: 64 };

/** A trace of one request, as a serving thread writes it. */
function lineOf(id: string, spans = 0): string {
  const world = {
    ...{ ids: new TraceIds(), writer: new SpanWriter(), nowMs: () => 1, propagates: false },
  };
  const request = new RequestSpans(world, {
    traceId: world.ids.traceId(),
    startedAtMs: 0,
    epochMs: 0,
  });
  for (let count = 0; count < spans; count += 1) request.begin(`kv.${count}`, 'internal')(false);
  const attributes = attributesText({ [requestIdKey]: id });
  return request.end({ name: '"GET /"', isError: false, attributes, tookMs: 1 });
}

/** Puts the lines in at the pace at which they are taken out. */
async function tell(traces: Traces, lines: readonly string[]): Promise<void> {
  const queue = new LogQueueInput(traces.queueOf(0));
  for (const line of lines) {
    await waitFor(() => (queue.put(line, true) > 0 ? true : undefined));
  }
}

const seen = (traces: Traces, id: string) => waitFor(() => traces.traceOf(id));

test('the newest traces stay, whatever comes at once', async () => {
  const traces = new Traces({ threads: 1, exporter: undefined });
  const ids = Array.from({ length: kept.requests + kept.part + 1 }, (_, at) => `a-${at}`);
  await tell(
    traces,
    ids.map((id) => lineOf(id)),
  );
  await seen(traces, ids.at(-1) ?? '');
  expect(traces.traceOf('a-0')).toBeUndefined();
  expect(traces.traceOf(`a-${2 * kept.part + 1}`)).toBeDefined();
  expect(traces.traceOf('none')).toBeUndefined();
  await traces.close(0);
});

test('fewer of them stay where they have many spans', async () => {
  const traces = new Traces({ threads: 1, exporter: undefined });
  const long = lineOf('a-0', 128);
  const count = Math.ceil(kept.bytes / long.length) + kept.part;
  expect(count).toBeLessThan(kept.requests);
  await tell(
    traces,
    Array.from({ length: count }, (_, at) => long.replace('"a-0"', `"a-${at}"`)),
  );
  const newest = await seen(traces, `a-${count - 1}`);
  expect(newest.spans).toHaveLength(128);
  expect(traces.traceOf('a-0')).toBeUndefined();
  await traces.close(0);
});

test('what a visitor writes passes for no other request', async () => {
  const traces = new Traces({ threads: 1, exporter: undefined });
  const forged = '{"key":"faas.invocation_id","value":{"stringValue":"b-1"}}';
  await tell(traces, [lineOf(forged), lineOf('b-2')]);
  await seen(traces, 'b-2');
  expect(traces.traceOf('b-1')).toBeUndefined();
  await traces.close(0);
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
  const lines = await waitFor(async () => {
    const { json } = await askAdmin(socket, `/v1/log?trace=${trace.traceId}`);
    return json.lines.length > 0 ? json.lines : undefined;
  });
  expect(lines).toMatchObject([{ id, traceId: trace.traceId }]);
  const other = `/v1/traces/${id}?folder=${encodeURIComponent('/keybase/public/alice')}`;
  expect((await askAdmin(socket, other)).json).toMatchObject({ trace: null });
  expect((await askAdmin(socket, '/v1/traces/none')).json.trace).toBeNull();
});
