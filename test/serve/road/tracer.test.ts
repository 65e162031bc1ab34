import { expect, test } from 'vitest';
import { readTrace } from '../../../src/journal/trace-record.ts';
import { newRecord } from '../../../src/serve/rejected.ts';
import { Tracer } from '../../../src/serve/road/tracer.ts';

const recordOf = (path: string) => ({
  ...newRecord('a-1', { method: 'GET', url: path, clientAddress: '192.0.2.1' }),
  ...{ hostName: 'a.example', status: 200, wallUs: 1_500 },
});

function open(sampleRatio: number, hasRoom = true) {
  const clock = { nowMs: 1_000, wallMs: Date.UTC(2026, 0, 1) };
  const lines: string[] = [];
  const counts = { dropped: 0 };
  const tracer = new Tracer({
    telemetry: { propagates: false, sampleRatio },
    put: (line) => hasRoom && lines.push(line) > 0,
    onDropped: () => {
      counts.dropped += 1;
    },
    clocks: { nowMs: () => clock.nowMs, wallMs: () => clock.wallMs },
  });
  const trace = (record = recordOf('/x.wasm')): void => {
    const spans = tracer.begin({ headers: [] }, clock.nowMs);
    if (spans !== undefined) tracer.end(spans, record);
  };
  return { clock, counts, lines, trace };
}

test('traces say the time of the day, also after the machine has slept', () => {
  const { clock, lines, trace } = open(1);
  trace();
  clock.nowMs += 10;
  // While it slept, the clock that goes forward stood still.
  clock.wallMs += 3_600_010;
  trace();
  const [first, second] = lines.map((line) => readTrace(line).startMs);
  expect(first).toBeCloseTo(Date.UTC(2026, 0, 1), 2);
  expect(second).toBeCloseTo(Date.UTC(2026, 0, 1, 1) + 10, 2);
});

test('what has no room is counted', () => {
  const { counts, trace } = open(1, false);
  trace();
  trace();
  expect(counts.dropped).toBe(2);
});

test('each trace has the words of its own request', () => {
  const { lines, trace } = open(1);
  trace({ ...recordOf('/a'), modulePath: 'a.wasm', digest: 'd1', folderKey: '/keybase/public/a' });
  trace({ ...recordOf('/b'), modulePath: 'b.wasm', digest: 'd2', folderKey: '/keybase/public/b' });
  trace({ ...recordOf('/b'), modulePath: 'b.wasm', digest: 'd2', hostName: 'b.example' });
  trace({ ...recordOf('/f'), outcome: 'file', cpuUs: 7 });
  trace({ ...recordOf('/f'), status: 503, errorCode: 'overloaded' });
  const [a, b, other, file, failed] = lines.map(readTrace);
  expect(a).toMatchObject({ name: 'GET /a.wasm' });
  expect(a?.attributes).toEqual({
    ...{ 'http.request.method': 'GET', 'http.response.status_code': 200 },
    ...{ 'server.address': 'a.example', 'faas.invocation_id': 'a-1', 'faas.name': 'a.wasm' },
    ...{ 'faas.version': 'd1', 'terrafirma.folder': '/keybase/public/a' },
    'terrafirma.outcome': a?.attributes['terrafirma.outcome'],
  });
  expect(b?.attributes['terrafirma.folder']).toBe('/keybase/public/b');
  expect(other?.attributes['server.address']).toBe('b.example');
  expect(file).toMatchObject({ name: 'GET file', attributes: { 'terrafirma.cpu_us': 7 } });
  expect(failed).toMatchObject({ name: 'GET', attributes: { 'error.type': 'overloaded' } });
});

test('about as many requests are traced as the ratio says', () => {
  const { lines, trace } = open(0.25);
  for (let count = 0; count < 4_000; count += 1) trace();
  // Ten times its standard deviation to each side.
  expect(lines.length).toBeGreaterThan(720);
  expect(lines.length).toBeLessThan(1_280);
  const none = open(0);
  none.trace();
  expect(none.lines).toEqual([]);
});
