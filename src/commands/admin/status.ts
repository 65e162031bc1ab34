/** `terrafirma status`: what a running daemon is, has and does. */
import { counted } from '../../amounts.ts';
import { formatBytes, formatDuration } from '../../journal/readable-lines.ts';
import type { Command } from '../command.ts';
import { printable } from '../printable.ts';
import { adminFlags, adminNote, adminSettings, findDaemon } from './find-daemon.ts';
import { formatTable } from './table.ts';

export const status: Command = {
  name: 'status',
  summary: 'Show what a running daemon is, has and does',
  positionals: [],
  flags: [
    ...adminFlags,
    { name: 'healthz', summary: 'Only say whether it is healthy: exit code 0 or 1' },
    { name: 'json', summary: 'Print JSON' },
  ],
  readsConfig: true,
  settings: adminSettings,
  notes: [adminNote],
  async run(given, io) {
    const daemon = await findDaemon(given, io);
    if (given.has('healthz')) {
      const health = await daemon.json('/healthz');
      io.write(`${printable(String(health.status))}\n`);
      return 0;
    }
    const told = await daemon.json('/v1/status');
    if (given.has('json')) io.write(`${JSON.stringify(told, undefined, 2)}\n`);
    else io.write(`${describe(told as unknown as Status).join('\n')}\n`);
    return 0;
  },
};

interface Thread {
  readonly n: number;
  readonly beatAgeMs: number;
  readonly runs: number;
  readonly waiting: number;
  readonly queued: number;
  readonly instances: number;
  readonly connections: number;
  readonly websockets: number;
  readonly lagMs: number;
  readonly heapBytes: number;
}

interface Status {
  readonly version: string;
  readonly node: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly configFile: string | null;
  readonly stateDirectory: string;
  readonly listening: readonly string[];
  readonly isDraining: boolean;
  readonly threads: readonly Thread[];
  readonly lastMinute: {
    readonly requests: number;
    readonly cpuMs: number;
    readonly p50Ms: number | null;
    readonly p99Ms: number | null;
  };
  readonly folders: { readonly inUse: number; readonly away: number; readonly closed: number };
  readonly modules: { readonly serving: number; readonly refused: number };
  readonly memory: {
    readonly residentBytes: number;
    readonly bytesMax: number;
    readonly instances: number;
    readonly instancesMax: number;
  };
  readonly store: string;
  readonly stateBytes: number | null;
  readonly stateFreeBytes: number | null;
  readonly limitsReached: readonly {
    readonly folder: string | null;
    readonly module: string | null;
    readonly outcome: string;
    readonly count: number;
  }[];
}

function describe(told: Status): readonly string[] {
  const { folders, lastMinute, memory, modules } = told;
  const ms = (value: number | null): string => (value === null ? '-' : formatDuration(value * 1e3));
  const taken = told.stateBytes === null ? '' : `, ${formatBytes(told.stateBytes)}`;
  const free = told.stateFreeBytes === null ? '' : `, ${formatBytes(told.stateFreeBytes)} free`;
  const rows: readonly (readonly [string, string])[] = [
    ['version', `${told.version} (Node.js ${told.node}), pid ${told.pid}`],
    ['since', told.startedAt + (told.isDraining ? ', draining' : '')],
    ['serves at', told.listening.join(' ')],
    ['configuration', told.configFile ?? 'no file'],
    ['state', `${told.stateDirectory}${taken}${free}, store ${told.store}`],
    ['folders', `${folders.inUse} in use, ${folders.away} away, ${folders.closed} closed`],
    ['modules', `${modules.serving} serving, ${modules.refused} refused`],
    [
      'last minute',
      `${counted(lastMinute.requests, 'request')}, p50 ${ms(lastMinute.p50Ms)}, ` +
        `p99 ${ms(lastMinute.p99Ms)}, cpu ${formatDuration(lastMinute.cpuMs * 1e3)}`,
    ],
    [
      'memory',
      `${formatBytes(memory.residentBytes)} of ${formatBytes(memory.bytesMax)}, ` +
        `${memory.instances} of ${memory.instancesMax} instances`,
    ],
  ];
  return [
    ...rows.map(([name, text]) => `${name.padEnd(13)}  ${printable(text)}`),
    '',
    ...describeThreads(told.threads),
    ...describeLimits(told.limitsReached),
  ];
}

function describeThreads(threads: readonly Thread[]): readonly string[] {
  const number = (title: string, of: (thread: Thread) => number) => ({
    title,
    isNumber: true,
    of: (thread: Thread) => String(of(thread)),
  });
  return formatTable(
    [
      number('thread', ({ n }) => n),
      number('runs', ({ runs }) => runs),
      number('waiting', ({ waiting }) => waiting),
      number('queued', ({ queued }) => queued),
      number('instances', ({ instances }) => instances),
      number('connections', ({ connections }) => connections),
      number('websockets', ({ websockets }) => websockets),
      number('lag ms', ({ lagMs }) => lagMs),
      { title: 'heap', isNumber: true, of: ({ heapBytes }) => formatBytes(heapBytes) },
    ],
    threads,
  );
}

function describeLimits(limits: Status['limitsReached']): readonly string[] {
  if (limits.length === 0) return [];
  const lines = limits.map(
    ({ count, folder, module, outcome }) =>
      `  ${outcome}  ${count}×  ${printable(`${folder ?? '(other)'}/${module ?? ''}`)}`,
  );
  return ['', 'Limits reached in the last hour:', ...lines];
}
