/** What is counted of each module, as metrics. Touches nothing. */
import type { CountedRow } from '../../journal/counter-book.ts';
import {
  counterPlace,
  durationBucketsS,
  keyValueOps,
  outboundResults,
  outcomes,
  replyKinds,
  statusClasses,
} from '../../journal/counter-fields.ts';
import type { FolderKey } from '../../names.ts';
import type { Site } from '../../site/table.ts';
import type { EventTally } from '../event-book.ts';
import { formatLabels, type MetricsText } from './text.ts';

/** Of the row that modules without one share, and of what belongs to no module. */
const others = '(other)';

/** Which limit a run had reached when it ended so. */
const limitOf: Readonly<Record<string, string>> = {
  'out-of-cpu': 'cpu_ms',
  'out-of-time': 'wall_ms',
  'out-of-memory': 'memory_bytes',
  refused: 'runs',
};

interface LabelledRow {
  readonly labels: string;
  /** The same without the last brace, for one label more. */
  readonly open: string;
  readonly words: Float64Array;
}

export function addModuleMetrics(
  text: MetricsText,
  rows: readonly CountedRow[],
  tally: EventTally,
): void {
  const labelled = rows.map(({ folderKey, modulePath, words }): LabelledRow => {
    const labels = formatLabels({ folder: folderKey ?? others, module: modulePath ?? '' });
    return { labels, open: labels.slice(0, -1), words };
  });
  addRequests(text, labelled);
  const simple = (place: number, factor = 1) => ({ place, factor });
  const families = [
    [
      'guest_cpu_seconds_total',
      'counter',
      'CPU time of guests',
      simple(counterPlace.guestCpuUs, 1e6),
    ],
    [
      'guest_memory_peak_bytes',
      'gauge',
      'Most memory of one run',
      simple(counterPlace.memoryPeakBytes),
    ],
    ['received_bytes_total', 'counter', 'Bodies of requests', simple(counterPlace.receivedBytes)],
    ['sent_bytes_total', 'counter', 'Bodies of replies', simple(counterPlace.sentBytes)],
  ] as const;
  for (const [name, type, help, { place, factor }] of families) {
    const family = text.family(name, type, { help });
    for (const { labels, words } of labelled) family.addText((words[place] ?? 0) / factor, labels);
  }
  addLimits(text, labelled);
  addCounts(text, labelled, {
    ...{ name: 'outbound_requests_total', help: 'Requests of modules to other servers' },
    ...{ place: counterPlace.outbound, label: 'result', values: outboundResults },
  });
  addCounts(text, labelled, {
    ...{ name: 'kv_operations_total', help: 'What modules did with key-value stores' },
    ...{ place: counterPlace.keyValue, label: 'op', values: keyValueOps },
  });
  addReplies(text, rows);
  const deploys = text.family('deploys_total', 'counter', { help: 'Verdicts on changed files' });
  for (const { folderKey, modulePath, result, count } of tally.deploys) {
    deploys.add(count, { folder: folderKey, module: modulePath, result });
  }
}

/** What modules are: joined to the others by `folder` and `module`. As many as have rows. */
export function addModuleInfo(
  text: MetricsText,
  rows: readonly CountedRow[],
  siteOf: (folderKey: FolderKey) => Site | undefined,
): void {
  const help = 'Always 1: what the module speaks, and whether it stands before others';
  const family = text.family('module_info', 'gauge', { help });
  for (const { folderKey, modulePath } of rows) {
    if (folderKey === undefined || modulePath === undefined) continue;
    const site = siteOf(folderKey);
    const module = site?.modules.get(modulePath);
    if (module?.kind !== 'serving') continue;
    const isLink = site?.settings?.middleware?.links.has(modulePath) === true;
    const role = isLink ? 'middleware' : 'function';
    family.add(1, { folder: folderKey, module: modulePath, abi: module.abi, role });
  }
}

function addRequests(text: MetricsText, rows: readonly LabelledRow[]): void {
  const requests = text.family('requests_total', 'counter', { help: 'Requests, by outcome' });
  for (const { open, words } of rows) {
    for (const [at, outcome] of outcomes.entries()) {
      const count = words[counterPlace.requests + at] ?? 0;
      if (count > 0) requests.addText(count, `${open},outcome="${outcome}"}`);
    }
  }
  const durations = text.family('request_duration_seconds', 'histogram', {
    help: 'From the head of a request to its answer',
  });
  for (const { labels, words } of rows) {
    const from = counterPlace.durations;
    const counts = [...words.subarray(from, from + durationBucketsS.length + 1)];
    const sum = (words[counterPlace.durationSumUs] ?? 0) / 1e6;
    durations.addHistogram(labels, { counts, ends: durationBucketsS, sum });
  }
}

function addLimits(text: MetricsText, rows: readonly LabelledRow[]): void {
  const limits = text.family('limit_reached_total', 'counter', {
    help: 'Runs that ended because they had reached a limit',
  });
  for (const { open, words } of rows) {
    for (const [at, outcome] of outcomes.entries()) {
      const limit = limitOf[outcome];
      const count = words[counterPlace.requests + at] ?? 0;
      if (limit !== undefined && count > 0) limits.addText(count, `${open},limit="${limit}"}`);
    }
  }
}

/** A sample a value, where anything was counted. */
function addCounts(
  text: MetricsText,
  rows: readonly LabelledRow[],
  counted: {
    readonly name: string;
    readonly help: string;
    readonly place: number;
    readonly label: string;
    readonly values: readonly string[];
  },
): void {
  const { help, label, name, place, values } = counted;
  const family = text.family(name, 'counter', { help });
  for (const { open, words } of rows) {
    for (const [at, value] of values.entries()) {
      const count = words[place + at] ?? 0;
      if (count > 0) family.addText(count, `${open},${label}="${value}"}`);
    }
  }
}

function addReplies(text: MetricsText, rows: readonly CountedRow[]): void {
  const replies = text.family('responses_total', 'counter', {
    help: 'Answers, by who made them and the first digit of their status',
  });
  for (const [kindAt, kind] of replyKinds.entries()) {
    for (const [classAt, name] of statusClasses.entries()) {
      const place = counterPlace.replies + kindAt * statusClasses.length + classAt;
      const count = rows.reduce((sum, { words }) => sum + (words[place] ?? 0), 0);
      replies.add(count, { class: name, kind });
    }
  }
}
