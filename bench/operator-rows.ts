/**
 * What it costs to be watched: counters that are always on, a scrape of many rows, and traces of no
 * or of every request. CPU time of a request beside requests a second: it stays the same when other
 * programs want the processors.
 */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addModuleMetrics } from '../src/admin/metrics/module-metrics.ts';
import { MetricsText } from '../src/admin/metrics/text.ts';
import type { Header } from '../src/http/message.ts';
import { CounterBook } from '../src/journal/counter-book.ts';
import { createCounterPage, ThreadCounters } from '../src/journal/counters.ts';
import { createLogQueues, LogQueueInput, LogQueueOutput } from '../src/journal/log-queue.ts';
import type { RequestRecord } from '../src/journal/request-record.ts';
import type { FolderKey, ModulePath } from '../src/names.ts';
import { systemClocks } from '../src/serve/clocks.ts';
import { newRecord } from '../src/serve/rejected.ts';
import { Tracer } from '../src/serve/road/tracer.ts';
import { type DaemonPlan, smallGuest } from './daemon-rows.ts';
import { putLoad } from './load.ts';
import { packProgram } from './packed.ts';
import { cpuSince, readCpu } from './process-cpu.ts';
import { median, medianRatio, type Row } from './report.ts';
import { askUntil, BenchFolder, Server } from './servers.ts';

const rowsMax = 1_000;
const scrapes = 30;
const connections = 32;
const timesPerRound = 200_000;
/** V8 settles once more or less well: two of the same differ by more than a counter costs. */
const starts = 3;
const warmRequests = 120_000;
const warmSeconds = 3;
const warmTurnsMax = 30;
/** `again`: a second one as shipped, which tells how much of a difference is chance. */
const names = ['plain', 'again', 'uncounted', 'none', 'all'] as const;
type Name = (typeof names)[number];

export async function measureOperators(plan: DaemonPlan): Promise<readonly Row[]> {
  const collector = createServer((request, response) => {
    request.resume().on('end', () => response.end('{}'));
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  try {
    const { cpuUs, rates } = await measureServers(plan, endpoint);
    return [
      {
        name: `scrape of ${rowsMax} rows, CPU`,
        value: scrapeMs(),
        unit: 'ms',
        goal: { atMost: 20 },
      },
      ...smallRows(median(cpuUs.plain)),
      {
        ...{ name: 'requests/s, as shipped : as shipped once more', unit: '' },
        value: medianRatio(rates.plain, rates.again),
      },
      {
        ...{ name: 'CPU a request, as shipped : as shipped once more', unit: '' },
        value: medianRatio(cpuUs.plain, cpuUs.again),
      },
      {
        ...{ name: 'requests/s, counted : not counted', unit: '' },
        ...{ value: medianRatio(rates.plain, rates.uncounted), goal: { atLeast: 0.99 } },
      },
      {
        ...{ name: 'CPU a request, counted : not counted', unit: '' },
        ...{ value: medianRatio(cpuUs.plain, cpuUs.uncounted), goal: { atMost: 1.01 } },
      },
      {
        ...{ name: 'requests/s, traces of none : no traces', unit: '' },
        ...{ value: medianRatio(rates.none, rates.plain), goal: { atLeast: 0.99 } },
      },
      {
        ...{ name: 'CPU a request, traces of none : no traces', unit: '' },
        ...{ value: medianRatio(cpuUs.none, cpuUs.plain), goal: { atMost: 1.01 } },
      },
      {
        ...{ name: 'requests/s, traces of all : no traces', unit: '' },
        ...{ value: medianRatio(rates.all, rates.plain), goal: { atLeast: 0.85 } },
      },
      {
        ...{ name: 'CPU a request, traces of all : no traces', unit: '' },
        // Of the whole process: the control plane writes and sends them beside the requests.
        value: medianRatio(cpuUs.all, cpuUs.plain),
      },
      { name: 'CPU a request, as shipped', value: median(cpuUs.plain), unit: 'µs' },
    ];
  } finally {
    collector.close();
    collector.closeAllConnections();
  }
}

/** What a request pays for being watched, beside what it costs. */
function smallRows(requestUs: number): readonly Row[] {
  const counted = noteUs();
  const untraced = untracedUs();
  const traced = tracedUs();
  return [
    { name: 'counting a request, CPU', value: counted, unit: 'µs' },
    {
      ...{ name: 'counting : CPU a request', unit: '' },
      ...{ value: counted / requestUs, goal: { atMost: 0.01 } },
    },
    { name: 'not tracing a request, CPU', value: untraced, unit: 'µs' },
    {
      ...{ name: 'not tracing : CPU a request', unit: '' },
      ...{ value: untraced / requestUs, goal: { atMost: 0.01 } },
    },
    { name: 'tracing a request, CPU of its thread', value: traced, unit: 'µs' },
    {
      ...{ name: 'tracing : CPU a request', unit: '' },
      ...{ value: traced / requestUs, goal: { atMost: 0.15 } },
    },
  ];
}

/** CPU time of counting one request, in microseconds: what no load of the machine changes much. */
function noteUs(): number {
  const counters = new ThreadCounters(createCounterPage(rowsMax));
  const record: RequestRecord = {
    ...newRecord('a-1', { method: 'GET', url: '/small.wasm', clientAddress: '192.0.2.1' }),
    ...{ status: 200, outcome: 'replied', modulePath: 'small.wasm', counterRow: 1 },
    ...{ cpuUs: 20, wallUs: 300, memoryBytes: 65_536, bytesSent: 6 },
  };
  return eachUs((at) => {
    record.wallUs = at & 0x3ff;
    counters.note(record);
  });
}

/** The same of a request that is not traced where some are: its head is looked at for that. */
function untracedUs(): number {
  const tracer = openTracer(0, () => true);
  const names = ['host', 'user-agent', 'accept', 'accept-language', 'accept-encoding', 'cookie'];
  const headers = names.map((name): Header => [name, 'as browsers send it']);
  return eachUs(() => {
    const spans = tracer.begin({ headers }, performance.now());
    if (spans !== undefined) throw new Error('Cannot measure: it is traced');
  });
}

/** The same of a request that is traced, on its serving thread: with one run, into the queue. */
function tracedUs(): number {
  const [memory] = createLogQueues(1, queueBytes);
  if (memory === undefined) throw new Error('Cannot measure: there is no queue');
  const input = new LogQueueInput(memory);
  const output = new LogQueueOutput(memory);
  let bytes = 0;
  const tracer = openTracer(1, (line) => {
    const added = input.put(line, true);
    bytes += added;
    return added > 0;
  });
  const record = { ...smallRecord(), modulePath: 'small.wasm', digest: '0'.repeat(64), cpuUs: 20 };
  return eachUs((at) => {
    const spans = tracer.begin({ headers: [] }, performance.now());
    if (spans === undefined) throw new Error('Cannot measure: it is not traced');
    spans.beginRun(false).end(false);
    record.wallUs = at & 0x3ff;
    tracer.end(spans, record);
    // As if it were taken: no copy, which is the control plane's.
    if (bytes > queueBytes / 2) output.release(bytes);
    if (bytes > queueBytes / 2) bytes = 0;
  });
}

const queueBytes = 4 * 1024 * 1024;

function openTracer(sampleRatio: number, put: (line: string) => boolean): Tracer {
  const telemetry = { propagates: false, sampleRatio };
  return new Tracer({ telemetry, put, onDropped: () => undefined, clocks: systemClocks });
}

function smallRecord(): RequestRecord {
  return {
    ...newRecord('a-1', { method: 'GET', url: '/small.wasm', clientAddress: '192.0.2.1' }),
    ...{ status: 200, outcome: 'replied', hostName: 'localhost' },
  };
}

function eachUs(work: (at: number) => void): number {
  const spent = Array.from({ length: scrapes }, () => {
    const before = process.cpuUsage();
    for (let at = 0; at < timesPerRound; at += 1) work(at);
    const { system, user } = process.cpuUsage(before);
    return (system + user) / timesPerRound;
  });
  return median(spent);
}

/** CPU time of the text of one scrape, every row with a few counters. */
function scrapeMs(): number {
  const book = new CounterBook({ threads: 2, rowsMax, nowMs: () => performance.now() });
  const paths = Array.from({ length: rowsMax }, (_, at) => `dir/function-${at}.wasm` as ModulePath);
  const rows = book.rowsOf('/keybase/private/somebody' as FolderKey, paths);
  const counters = new ThreadCounters(book.pageOf(0));
  for (const row of rows.values()) {
    counters.noteOutbound(row, 'answered');
    counters.noteKeyValue(row, 'read');
  }
  const spent = Array.from({ length: scrapes }, () => {
    const before = process.cpuUsage();
    const text = new MetricsText();
    addModuleMetrics(text, [...book.sums()], { deploys: [], countOf: () => 0 });
    text.toString();
    const { system, user } = process.cpuUsage(before);
    return (system + user) / 1_000;
  });
  return median(spent);
}

type Measured = Readonly<Record<Name, number[]>>;

interface Found {
  readonly rates: Measured;
  readonly cpuUs: Measured;
}

async function measureServers(plan: DaemonPlan, endpoint: string): Promise<Found> {
  const noneYet = (): Measured => ({ plain: [], again: [], uncounted: [], none: [], all: [] });
  const found: Found = { rates: noneYet(), cpuUs: noneYet() };
  using folder = new BenchFolder();
  folder.put(smallGuest(), 'small.wasm');
  const program = uncountedProgram();
  for (let start = 0; start < starts; start += 1) {
    await measureStarted(plan, found, { folder: folder.directory, endpoint, program });
  }
  return found;
}

/** One server after the other, in turn: what changes on the machine changes for all. */
async function measureStarted(
  { rounds, seconds }: DaemonPlan,
  { rates, cpuUs }: Found,
  { folder, endpoint, program }: { folder: string; endpoint: string; program: string },
): Promise<void> {
  const traced = { TERRAFIRMA_TELEMETRY_OTLP_ENDPOINT: endpoint };
  await using plain = await Server.daemon(folder);
  await using again = await Server.daemon(folder);
  await using uncounted = await Server.daemon(folder, {}, program);
  await using none = await Server.daemon(folder, traced);
  await using all = await Server.daemon(folder, {
    ...traced,
    TERRAFIRMA_TELEMETRY_SAMPLE_RATIO: '1',
  });
  const servers = { plain, again, uncounted, none, all };
  const urlOf = (name: Name): string => `${servers[name].url}/small.wasm`;
  for (const name of names) {
    await askUntil(urlOf(name), () => true);
    await warm(urlOf(name));
  }
  for (let round = 0; round < rounds; round += 1) {
    // Nobody is always behind the same one.
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const { pid } = servers[name];
      const before = readCpu(pid);
      const { requestsPerS } = await putLoad(urlOf(name), { connections, seconds });
      rates[name].push(requestsPerS);
      cpuUs[name].push((cpuSince(pid, before).processMs * 1_000) / (requestsPerS * seconds));
    }
  }
}

/** Counted in requests: on a busy machine the same time is fewer of them. */
async function warm(url: string): Promise<void> {
  let left = warmRequests;
  for (let turn = 0; turn < warmTurnsMax && left > 0; turn += 1) {
    const { requestsPerS } = await putLoad(url, { connections, seconds: warmSeconds });
    left -= requestsPerS * warmSeconds;
  }
}

/** The program as shipped, but for the counters of requests: there is no such setting. */
function uncountedProgram(): string {
  const program = packProgram(fileURLToPath(new URL('..', import.meta.url)));
  const file = join(program, '../../dist/journal/counters.js');
  const text = readFileSync(file, 'utf8');
  const begin = 'note(record) {';
  if (!text.includes(begin)) throw new Error(`Cannot measure: ${file} must have "${begin}"`);
  writeFileSync(file, text.replace(begin, `${begin}\n        return;`));
  return program;
}
