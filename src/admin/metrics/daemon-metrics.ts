/** What the daemon as a whole has and does, as metrics. Touches the process and the disk's size. */
import { statfs } from 'node:fs/promises';
import { constrainedMemory } from 'node:process';
import { getHeapStatistics } from 'node:v8';
import { residentBytes } from '../../account/resident-bytes.ts';
import { counterPlace, type ThreadCount, threadCounts } from '../../journal/counter-fields.ts';
import type { EventKind } from '../../journal/events.ts';
import type { FolderKey } from '../../names.ts';
import { isFolderBanned } from '../../site/bans.ts';
import { readDescriptors } from '../descriptors.ts';
import type { AdminWorld } from '../world.ts';
import { addClusterMetrics } from './cluster-metrics.ts';
import type { MetricsText } from './text.ts';

type Row = readonly [label: string, value: number];

/** Counters that are events, by the label that they have. */
const eventFamilies: readonly {
  readonly name: string;
  readonly help: string;
  readonly label: string;
  readonly kinds: readonly (readonly [label: string, kind: EventKind])[];
}[] = [
  {
    name: 'acme_orders_total',
    help: 'Orders of certificates',
    label: 'result',
    kinds: [
      ['issued', 'certificate-issued'],
      ['failed', 'certificate-order-failed'],
      ['broken', 'certificate-order-broken'],
      ['not-ordered', 'certificate-not-ordered'],
    ],
  },
  {
    name: 'cron_runs_total',
    help: 'Calls of modules at their times',
    label: 'result',
    kinds: [
      ['ran', 'cron-ran'],
      ['skipped', 'cron-skipped'],
      ['unknown', 'cron-unknown'],
    ],
  },
];

export async function addDaemonMetrics(text: MetricsText, world: AdminWorld): Promise<void> {
  const { version } = world;
  const build = { version, node: process.version, v8: process.versions.v8 };
  text.family('build_info', 'gauge', { help: 'Always 1' }).add(1, build);
  addThreads(text, world);
  addCounted(text, world);
  addHeld(text, world);
  addCache(text, world);
  addFolders(text, world);
  for (const { help, kinds, label, name } of eventFamilies) {
    const family = text.family(name, 'counter', { help });
    for (const [value, kind] of kinds) family.add(world.events.countOf(kind), { [label]: value });
  }
  addCertificates(text, world);
  addClusterMetrics(text, world.engine());
  await addProcess(text, world);
}

function addThreads(text: MetricsText, { threads }: AdminWorld): void {
  const looks = threads.looks();
  const sum = (name: keyof (typeof looks)[number]['gauges']): number =>
    looks.reduce((total, { gauges }) => total + gauges[name], 0);
  addRows(text.family('runs', 'gauge', { help: 'Runs now' }), 'state', [
    ['running', sum('runsRunning')],
    ['waiting', sum('runsWaiting')],
    ['queued', sum('runsQueued')],
  ]);
  addRows(text.family('instances', 'gauge', { help: 'Instances of modules now' }), 'state', [
    ['running', sum('runsRunning')],
    ['idle', sum('idleGuests')],
  ]);
  addRows(text.family('connections', 'gauge', { help: 'Connections now' }), 'protocol', [
    ['http1', sum('http1Connections')],
    ['http2', sum('http2Connections')],
  ]);
  text.family('websockets', 'gauge', { help: 'WebSocket connections now' }).add(sum('websockets'));
  const lag = text.family('thread_lag_seconds', 'gauge', {
    help: 'How much later than planned a heartbeat of the thread came lately',
  });
  for (const { gauges, number } of looks) lag.add(gauges.lagMs / 1_000, { thread: `${number}` });
  const heap = text.family('thread_heap_bytes', 'gauge', {
    help: 'JavaScript objects of the thread',
  });
  for (const { gauges, number } of looks) heap.add(gauges.heapBytes, { thread: `${number}` });
  const replaced = text.family('threads_replaced_total', 'counter', {
    help: 'Threads that another took the place of',
  });
  addRows(replaced, 'reason', Object.entries(threads.replaced));
}

/** What threads count for the daemon as a whole, and the control plane of its own. */
function addCounted(text: MetricsText, world: AdminWorld): void {
  const { counters, events, judged, resolver, traces } = world;
  const [others] = counters.sums();
  const of = (what: ThreadCount): number =>
    others?.words[counterPlace.thread + threadCounts.indexOf(what)] ?? 0;
  const single: readonly (readonly [name: string, help: string, value: number])[] = [
    [
      'runs_refused_total',
      'Requests that got no run, as too many were under way',
      of('runs-refused'),
    ],
    ['instances_created_total', 'Instances of modules that were made', of('instances-created')],
    ['instances_restored_total', 'Instances put back after a run', of('instances-restored')],
    [
      'log_lines_dropped_total',
      'Lines that were not written',
      of('log-lines-dropped') + events.droppedLines,
    ],
  ];
  for (const [name, help, value] of single) text.family(name, 'counter', { help }).add(value);
  const discarded = {
    help: 'Instances given up: idle for long, or ended in a way that spoils them',
  };
  addRows(text.family('instances_discarded_total', 'counter', discarded), 'reason', [
    ['idle', of('instances-discarded-idle')],
    ['ended', of('instances-discarded-ended')],
  ]);
  addRows(text.family('handshakes_total', 'counter', { help: 'TLS handshakes' }), 'result', [
    ['done', of('handshakes-done')],
    ['failed', of('handshakes-failed')],
    ['refused', of('handshakes-refused')],
  ]);
  const queries = { help: 'Questions to DNS servers' };
  addRows(
    text.family('dns_queries_total', 'counter', queries),
    'result',
    Object.entries(resolver.counts),
  );
  if (traces !== undefined) {
    const help = 'Requests that were traced, by what became of that';
    const family = text.family('traces_total', 'counter', { help });
    const { dropped, failed, sent } = traces.counts;
    addRows(family, 'result', [
      ['sent', sent],
      ['dropped', dropped + of('traces-dropped')],
      ['failed', failed],
    ]);
  }
  text
    .family('judge_duration_seconds', 'histogram', { help: 'How long modules took to be judged' })
    .addHistogram('', judged);
}

function addHeld(text: MetricsText, { account, guestBytes }: AdminWorld): void {
  const held = account.held();
  const simple: readonly (readonly [name: string, help: string, value: number])[] = [
    ['held_bytes', 'What is charged to owners', held.bytes],
    ['idle_guest_bytes', 'Idle instances', held.idleBytes],
    ['compiled_bytes', 'Compiled modules', account.heldBy('code')],
    ['kv_queued_bytes', 'Key-value writes that wait', account.heldBy('key-value')],
    ['memories', 'Linear memories, those of idle instances included', held.memories],
  ];
  for (const [name, help, value] of simple) text.family(name, 'gauge', { help }).add(value);
  const stored = guestBytes();
  if (stored === undefined) return;
  text.family('kv_bytes', 'gauge', { help: 'What modules have stored under keys' }).add(stored);
}

function addCache(text: MetricsText, { cache }: AdminWorld): void {
  const { counts, held } = cache;
  const bytes = { help: 'What the caches of sites hold' };
  text.family('cache_bytes', 'gauge', bytes).add(held.bytes);
  text.family('cache_objects', 'gauge', { help: 'Objects in them' }).add(held.objects);
  addRows(text.family('cache_lookups_total', 'counter', { help: 'Lookups in them' }), 'result', [
    ['hit', counts.hits],
    ['miss', counts.misses],
  ]);
  const waits = { help: 'Lookups that waited for what another run was bringing' };
  text.family('cache_waits_total', 'counter', waits).add(counts.collapsed);
  addRows(text.family('cache_changes_total', 'counter', { help: 'Objects' }), 'change', [
    ['stored', counts.stored],
    ['evicted', counts.evicted],
    ['purged', counts.purged],
  ]);
}

function addFolders(text: MetricsText, { bans, publisher }: AdminWorld): void {
  const folders = publisher.folders();
  const isBanned = (key: FolderKey): boolean => isFolderBanned(bans.rules.folders, key);
  const count = (wanted: string): number => folders.filter(({ state }) => state === wanted).length;
  addRows(text.family('folders', 'gauge', { help: 'Folders in use' }), 'state', [
    ['served', count('served')],
    ['away', count('away')],
    ['closed', count('closed')],
    ['opening', count('opening')],
    ['banned', folders.filter(({ folderKey }) => isBanned(folderKey)).length],
  ]);
  addRows(text.family('modules', 'gauge', { help: 'Modules of folders in use' }), 'verdict', [
    ['serving', folders.reduce((sum, { serving }) => sum + serving, 0)],
    ['refused', folders.reduce((sum, { refused }) => sum + refused, 0)],
  ]);
  const { rules } = bans;
  addRows(text.family('bans', 'gauge', { help: 'Bans in force' }), 'kind', [
    ['host', rules.hosts.length],
    ['folder', rules.folders.length],
    ['address', rules.addresses.length],
  ]);
}

function addCertificates(text: MetricsText, world: AdminWorld): void {
  const counts = world.certificates()?.counts;
  if (counts === undefined) return;
  const { earliestEndMs, states } = counts;
  const help = 'Certificates, the own ones included; due: to be renewed now';
  addRows(text.family('certificates', 'gauge', { help }), 'state', Object.entries(states));
  if (earliestEndMs === undefined) return;
  text
    .family('certificate_earliest_expiry_timestamp_seconds', 'gauge', {
      help: 'When the first certificate ends',
    })
    .add(earliestEndMs / 1_000);
}

async function addProcess(text: MetricsText, world: AdminWorld): Promise<void> {
  const usage = process.resourceUsage();
  const heap = getHeapStatistics();
  const resident = residentBytes();
  const rows: readonly (readonly [name: string, type: 'counter' | 'gauge', value: number])[] = [
    ['process_cpu_user_seconds_total', 'counter', usage.userCPUTime / 1e6],
    ['process_cpu_system_seconds_total', 'counter', usage.systemCPUTime / 1e6],
    ['process_cpu_seconds_total', 'counter', (usage.userCPUTime + usage.systemCPUTime) / 1e6],
    ...(resident === undefined
      ? []
      : ([['process_resident_memory_bytes', 'gauge', resident]] as const)),
    ['process_start_time_seconds', 'gauge', world.startedAtMs / 1_000],
    ['nodejs_heap_size_total_bytes', 'gauge', heap.total_heap_size],
    ['nodejs_heap_size_used_bytes', 'gauge', heap.used_heap_size],
    ['nodejs_external_memory_bytes', 'gauge', heap.external_memory],
    ...descriptorRows(),
  ];
  for (const [name, type, value] of rows) {
    text.family(name, type, { help: 'Of the process', isBare: true }).add(value);
  }
  const limit = constrainedMemory();
  if (limit > 0 && limit < Number.MAX_SAFE_INTEGER) {
    text.family('memory_limit_bytes', 'gauge', { help: 'Of the control group' }).add(limit);
  }
  try {
    const { bavail, bsize } = await statfs(world.config.stateDirectory);
    const help = 'Free on the disk of the state directory';
    text.family('state_free_bytes', 'gauge', { help }).add(bavail * bsize);
  } catch {
    // The system does not say: there is no such sample then.
  }
}

function descriptorRows(): readonly (readonly [string, 'gauge', number])[] {
  const { max, open } = readDescriptors() ?? {};
  if (open === undefined) return [];
  const rows: (readonly [string, 'gauge', number])[] = [['process_open_fds', 'gauge', open]];
  return max === undefined ? rows : [...rows, ['process_max_fds', 'gauge', max]];
}

function addRows(
  family: ReturnType<MetricsText['family']>,
  label: string,
  rows: readonly Row[],
): void {
  for (const [value, count] of rows) family.add(count, { [label]: value });
}
