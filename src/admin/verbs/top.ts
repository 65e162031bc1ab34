/** `/v1/top`: which folders or modules had most of what, in the last minute, five, or hour. */
import type { CountedRow } from '../../journal/counter-book.ts';
import { counterPlace, durationBucketsS } from '../../journal/counter-fields.ts';
import { type WindowS, windowsS } from '../history.ts';
import { quantileMs } from '../quantile.ts';
import { type AdminRequest, countOf, json, type Route, refuse, rowsMax } from '../request.ts';
import { requestsIn } from '../series/outcome-counts.ts';
import type { AdminWorld } from '../world.ts';

const orders = {
  cpu: (row: TopRow) => row.cpuMs,
  requests: (row: TopRow) => row.requests,
  errors: (row: TopRow) => row.errors,
  memory: (row: TopRow) => row.memoryPeakBytes,
  bytes: (row: TopRow) => row.receivedBytes + row.sentBytes,
} as const;

export interface TopRow {
  readonly folder: string | null;
  readonly module: string | null;
  readonly requests: number;
  readonly errors: number;
  readonly cpuMs: number;
  /** Of the CPU time of all, 0–1. */
  readonly cpuShare: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly memoryPeakBytes: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export function topRoutes(world: Pick<AdminWorld, 'history'>): readonly Route[] {
  return [{ method: 'GET', path: '/v1/top', answer: (request) => json(topOf(world, request)) }];
}

function topOf(
  { history }: Pick<AdminWorld, 'history'>,
  request: AdminRequest,
): Readonly<Record<string, unknown>> {
  const by = request.query.get('by') ?? 'cpu';
  const of = request.query.get('of') ?? 'folder';
  const orderOf = Object.hasOwn(orders, by) ? orders[by as keyof typeof orders] : undefined;
  if (orderOf === undefined) refuse(`"by" must be one of ${Object.keys(orders).join(', ')}`, by);
  if (of !== 'folder' && of !== 'module') refuse('"of" must be folder or module', of);
  const windowS = readWindow(request);
  const limit = countOf(request, 'limit', { fallback: 50, min: 1, max: rowsMax });
  const folder = request.query.get('folder');
  const counted = history.growth(windowS);
  const wanted = folder === null ? counted : counted.filter((row) => row.folderKey === folder);
  const rows = topRows(wanted, of).sort((one, other) => orderOf(other) - orderOf(one));
  return { by, of, windowS, rows: rows.slice(0, limit) };
}

function readWindow(request: AdminRequest): WindowS {
  const text = request.query.get('windowS') ?? '60';
  const found = windowsS.find((windowS) => String(windowS) === text);
  return found ?? refuse(`"windowS" must be one of ${windowsS.join(', ')}`, text);
}

/** One row a folder or module that had requests. */
export function topRows(counted: readonly CountedRow[], of: 'folder' | 'module'): TopRow[] {
  const sums = new Map<string, CountedRow>();
  for (const row of counted) {
    const key = of === 'module' ? `${row.folderKey}\n${row.modulePath}` : String(row.folderKey);
    const known = sums.get(key);
    if (known === undefined) sums.set(key, { ...row, words: row.words.slice() });
    else addUp(known.words, row.words);
  }
  const cpuOfAll = counted.reduce(
    (sum, { words }) => sum + (words[counterPlace.guestCpuUs] ?? 0),
    0,
  );
  return [...sums.values()]
    .map((row) => topRow(row, of, cpuOfAll))
    .filter(({ requests }) => requests > 0);
}

function addUp(words: Float64Array, more: Float64Array): void {
  const peak = counterPlace.memoryPeakBytes;
  const highest = Math.max(words[peak] ?? 0, more[peak] ?? 0);
  for (let word = 0; word < words.length; word += 1) {
    words[word] = (words[word] ?? 0) + (more[word] ?? 0);
  }
  words[peak] = highest;
}

function topRow(
  { folderKey, modulePath, words }: CountedRow,
  of: 'folder' | 'module',
  cpuOfAll: number,
): TopRow {
  const from = counterPlace.durations;
  const counts = words.subarray(from, from + durationBucketsS.length + 1);
  const cpuUs = words[counterPlace.guestCpuUs] ?? 0;
  return {
    folder: folderKey ?? null,
    module: of === 'module' ? (modulePath ?? null) : null,
    ...requestsIn(words),
    cpuMs: Math.round(cpuUs / 100) / 10,
    cpuShare: cpuOfAll === 0 ? 0 : Math.round((cpuUs / cpuOfAll) * 1e4) / 1e4,
    p50Ms: quantileMs(counts, 0.5),
    p99Ms: quantileMs(counts, 0.99),
    memoryPeakBytes: words[counterPlace.memoryPeakBytes] ?? 0,
    receivedBytes: words[counterPlace.receivedBytes] ?? 0,
    sentBytes: words[counterPlace.sentBytes] ?? 0,
  };
}
