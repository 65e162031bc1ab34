/** What it costs to be watched: a scrape of many rows, and traces of no or of every request. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { addModuleMetrics } from '../src/admin/metrics/module-metrics.ts';
import { MetricsText } from '../src/admin/metrics/text.ts';
import { CounterBook } from '../src/journal/counter-book.ts';
import { ThreadCounters } from '../src/journal/counters.ts';
import type { FolderKey, ModulePath } from '../src/names.ts';
import { type DaemonPlan, smallGuest } from './daemon-rows.ts';
import { putLoad } from './load.ts';
import { median, medianRatio, type Row } from './report.ts';
import { BenchFolder, Server } from './servers.ts';

const rowsMax = 1_000;
const scrapes = 30;
const connections = 32;

export async function measureOperators(plan: DaemonPlan): Promise<readonly Row[]> {
  const collector = createServer((request, response) => {
    request.resume().on('end', () => response.end('{}'));
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  try {
    const rates = await measureTraces(plan, endpoint);
    return [
      {
        name: `scrape of ${rowsMax} rows, CPU`,
        value: scrapeMs(),
        unit: 'ms',
        goal: { atMost: 20 },
      },
      {
        ...{ name: 'requests/s, traces of none : no traces', unit: '' },
        ...{ value: medianRatio(rates.none, rates.off), goal: { atLeast: 0.99 } },
      },
      {
        ...{ name: 'requests/s, traces of all : no traces', unit: '' },
        ...{ value: medianRatio(rates.all, rates.off), goal: { atLeast: 0.85 } },
      },
    ];
  } finally {
    collector.close();
    collector.closeAllConnections();
  }
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

type Rates = Readonly<Record<'off' | 'none' | 'all', number[]>>;

async function measureTraces({ rounds, seconds }: DaemonPlan, endpoint: string): Promise<Rates> {
  const rates: Rates = { off: [], none: [], all: [] };
  using folder = new BenchFolder();
  folder.put(smallGuest(), 'small.wasm');
  const traced = { TERRAFIRMA_TELEMETRY_OTLP_ENDPOINT: endpoint };
  await using off = await Server.daemon(folder.directory);
  await using none = await Server.daemon(folder.directory, traced);
  await using all = await Server.daemon(folder.directory, {
    ...traced,
    TERRAFIRMA_TELEMETRY_SAMPLE_RATIO: '1',
  });
  const servers = { off, none, all };
  for (let round = 0; round < rounds; round += 1) {
    for (const name of ['off', 'none', 'all'] as const) {
      const url = `${servers[name].url}/small.wasm`;
      rates[name].push((await putLoad(url, { connections, seconds })).requestsPerS);
    }
  }
  return rates;
}
