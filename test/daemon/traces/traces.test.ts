/** Traces, as a collector gets them from a real daemon. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readPairs } from '../../../src/daemon/traces/open.ts';
import { askAdmin, socketOf } from '../../support/admin.ts';
import { TestDaemon, waitFor } from '../../support/daemon.ts';
import { TestFolder } from '../../support/folder.ts';
import { ask } from '../../support/http.ts';

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
  readonly links?: readonly { traceId: string; spanId: string }[];
  readonly status: { code?: number };
}

/** A collector that checks what it is sent, and answers as it is told. */
class Collector implements AsyncDisposable {
  readonly spans: OtlpSpan[] = [];
  readonly requests: { headers: IncomingMessage['headers']; url: string }[] = [];
  readonly resources: unknown[] = [];
  readonly server: Server;
  answer: number | 'nothing' = 200;

  constructor() {
    this.server = createServer((request, response) => void this.#take(request, response));
  }

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    this.requests.push({ headers: request.headers, url: request.url ?? '' });
    if (this.answer === 'nothing') return;
    response.writeHead(this.answer).end('{}');
    if (this.answer !== 200) return;
    for (const { resource, scopeSpans } of JSON.parse(Buffer.concat(chunks).toString())
      .resourceSpans) {
      this.resources.push(resource);
      for (const { spans } of scopeSpans) this.spans.push(...spans);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
  }
}

let folder: TestFolder;
let collector: Collector;
let endpoint: string;
beforeEach(async () => {
  folder = new TestFolder();
  folder.put('hello');
  // Appends a mark for each visit, and reads them.
  folder.write('visits.wasm', readFileSync(join(import.meta.dirname, '../../../demo/visits.wasm')));
  folder.put('trap');
  collector = new Collector();
  endpoint = await collector.listen();
});
afterEach(async () => {
  await collector[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const start = (env: Readonly<Record<string, string>>) =>
  TestDaemon.start({
    args: [folder.directory],
    env: { TERRAFIRMA_TELEMETRY_OTLP_ENDPOINT: endpoint, ...env },
  });
const all = { TERRAFIRMA_TELEMETRY_SAMPLE_RATIO: '1' };
const attributeOf = (span: OtlpSpan, key: string): unknown =>
  Object.values(span.attributes.find((each) => each.key === key)?.value ?? {})[0];

describe('traces', () => {
  test('tell the request, and below it what its function did', async () => {
    await using daemon = await start({
      ...all,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20b,x-two=2',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test',
      OTEL_SERVICE_NAME: 'mine',
    });
    const reply = await ask(daemon.port, '/visits.wasm?secret=1', { method: 'POST', body: 'x' });
    await daemon.stop('SIGTERM');
    const id = reply.headers['x-request-id'];
    const root = collector.spans.find((span) => attributeOf(span, 'faas.invocation_id') === id);
    if (root === undefined) throw new Error('there is no span of the request');
    expect(root).toMatchObject({ name: 'POST /visits.wasm', kind: 2 });
    expect(attributeOf(root, 'faas.name')).toBe('visits.wasm');
    expect(attributeOf(root, 'http.response.status_code')).toBe(String(reply.status));
    const inside = collector.spans.filter(({ traceId }) => traceId === root.traceId);
    const run = inside.find(({ name }) => name === 'guest.run');
    expect(run?.parentSpanId).toBe(root.spanId);
    const stored = inside.filter(({ name }) => name.startsWith('kv.'));
    expect(stored.map(({ name }) => name)).toEqual(['kv.append', 'kv.read']);
    for (const span of stored) expect(span.parentSpanId).toBe(run?.spanId);
    for (const span of inside) {
      expect(span.traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(span.spanId).toMatch(/^[0-9a-f]{16}$/);
      expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
    }
    expect(JSON.stringify(collector.spans)).not.toContain('secret');
    expect(collector.requests[0]).toMatchObject({
      url: '/v1/traces',
      headers: { 'x-key': 'a b', 'x-two': '2', 'content-type': 'application/json' },
    });
    expect(JSON.stringify(collector.resources[0])).toContain('deployment.environment');
    expect(JSON.stringify(collector.resources[0])).toContain('"mine"');
  });

  test('mark what failed, and are made of none where the ratio is 0', async () => {
    await using failing = await start(all);
    await ask(failing.port, '/trap.wasm');
    await failing.stop('SIGTERM');
    const root = collector.spans.find(({ name }) => name === 'GET /trap.wasm');
    expect(root?.status.code).toBe(2);
    expect(root && attributeOf(root, 'error.type')).toBe('guest-trapped');
    const before = collector.requests.length;
    await using quiet = await start({});
    await ask(quiet.port, '/hello.wasm');
    await quiet.stop('SIGTERM');
    expect(collector.requests).toHaveLength(before);
  });

  test('believe a trusted proxy, and link to what anybody else says', async () => {
    const [traceId, spanId] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
    const headers = { traceparent: `00-${traceId}-${spanId}-01`, 'x-forwarded-for': '192.0.2.1' };
    await using trusting = await start({ TERRAFIRMA_PROXIES_TRUSTED_CIDRS: '127.0.0.1/32' });
    await ask(trusting.port, '/hello.wasm', { headers });
    await trusting.stop('SIGTERM');
    expect(collector.spans.find(({ kind }) => kind === 2)).toMatchObject({
      ...{ traceId, parentSpanId: spanId },
    });
    collector.spans.length = 0;
    await using doubting = await start(all);
    await ask(doubting.port, '/hello.wasm', { headers });
    await doubting.stop('SIGTERM');
    const root = collector.spans.find(({ kind }) => kind === 2);
    expect(root?.traceId).not.toBe(traceId);
    expect(root?.parentSpanId).toBeUndefined();
    expect(root?.links).toEqual([{ traceId, spanId }]);
  });

  test.each([500, 503, 'nothing'] as const)(
    'change nothing where the collector answers %s',
    async (answer) => {
      collector.answer = answer;
      await using daemon = await start(all);
      for (let count = 0; count < 70; count += 1) {
        expect((await ask(daemon.port, '/hello.wasm')).status).toBe(200);
      }
      await waitFor(() => (collector.requests.length > 0 ? true : undefined));
      expect((await ask(daemon.port, '/hello.wasm')).status).toBe(200);
      expect((await daemon.stop('SIGTERM')).code).toBe(0);
    },
  );

  test('are dropped and counted where a thousand wait already', async () => {
    collector.answer = 503;
    await using daemon = await start(all);
    const rounds = Array.from({ length: 45 }, (_, round) => round);
    for (const _ of rounds) {
      await Promise.all(Array.from({ length: 50 }, () => ask(daemon.port, '/hello.wasm')));
    }
    await waitFor(async () => {
      const { text } = await askAdmin(socketOf(daemon), '/metrics');
      const [, dropped] = /terrafirma_traces_total\{result="dropped"\} (\d+)/.exec(text) ?? [];
      return Number(dropped) > 0 ? true : undefined;
    });
  });
});

test('pairs of variables are read as OpenTelemetry writes them', () => {
  expect(readPairs('a=1, b = x%2Cy ,broken,c=%zz')).toEqual({ a: '1', b: 'x,y', c: '%zz' });
});
