/** `terrafirma top`: who has most of what, again and again on a terminal. */
import { setTimeout as wait } from 'node:timers/promises';
import { counted } from '../../amounts.ts';
import { formatBytes, formatDuration } from '../../journal/readable-lines.ts';
import type { Command, CommandIo } from '../command.ts';
import type { Connection } from './connection.ts';
import { adminFlags, adminNote, adminSettings, findDaemon } from './find-daemon.ts';
import { type Column, formatTable } from './table.ts';

const lookMs = 2_000;
const rowsShown = 25;
const clearScreen = '\u001b[H\u001b[2J';

export const top: Command = {
  name: 'top',
  summary: 'Show which folders or modules use most, every two seconds on a terminal',
  positionals: [],
  flags: [
    ...adminFlags,
    { name: 'by', placeholder: 'cpu|requests|errors|memory|bytes', summary: 'Order; default cpu' },
    { name: 'of', placeholder: 'folder|module', summary: 'What a row is; default module' },
    { name: 'window', placeholder: '60|300|3600', summary: 'Seconds looked back; default 60' },
    { name: 'once', summary: 'Once, also on a terminal' },
    { name: 'json', summary: 'Print JSON, once' },
  ],
  readsConfig: true,
  settings: adminSettings,
  notes: [adminNote],
  async run(given, io) {
    const daemon = await findDaemon(given, io);
    const query = new URLSearchParams({
      by: given.value('by') ?? 'cpu',
      of: given.value('of') ?? 'module',
      windowS: given.value('window') ?? '60',
      limit: String(rowsShown),
    });
    const path = `/v1/top?${query}`;
    if (given.has('json')) {
      io.write(`${JSON.stringify(await daemon.json(path), undefined, 2)}\n`);
      return 0;
    }
    if (given.has('once') || !io.isTerminal) {
      io.write(await picture(daemon, path));
      return 0;
    }
    await repeat(daemon, path, io);
    return 0;
  },
};

async function repeat(daemon: Connection, path: string, io: CommandIo): Promise<void> {
  const stop = new AbortController();
  const remove = io.onSignal(() => stop.abort());
  try {
    while (!stop.signal.aborted) {
      const text = await picture(daemon, path);
      io.write(`${clearScreen}${text}`);
      await wait(lookMs, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  } finally {
    remove();
  }
}

interface TopRow {
  readonly folder: string | null;
  readonly module: string | null;
  readonly requests: number;
  readonly errors: number;
  readonly cpuMs: number;
  readonly cpuShare: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly memoryPeakBytes: number;
  readonly sentBytes: number;
}

const ms = (value: number | null): string => (value === null ? '-' : formatDuration(value * 1_000));
const number = (title: string, of: (row: TopRow) => string): Column<TopRow> => ({
  title,
  isNumber: true,
  of,
});
const columns: readonly Column<TopRow>[] = [
  number('requests', ({ requests }) => String(requests)),
  number('errors', ({ errors }) => String(errors)),
  number('cpu', ({ cpuMs }) => formatDuration(cpuMs * 1_000)),
  number('share', ({ cpuShare }) => `${Math.round(cpuShare * 100)} %`),
  number('p50', ({ p50Ms }) => ms(p50Ms)),
  number('p99', ({ p99Ms }) => ms(p99Ms)),
  number('memory', ({ memoryPeakBytes }) => formatBytes(memoryPeakBytes)),
  number('sent', ({ sentBytes }) => formatBytes(sentBytes)),
  {
    title: 'what',
    of: ({ folder, module }) =>
      folder === null ? '(no module)' : `${folder}${module === null ? '' : `/${module}`}`,
  },
];

async function picture(daemon: Connection, path: string): Promise<string> {
  const [told, status] = [await daemon.json(path), await daemon.json('/v1/status')];
  const { lastMinute } = status as { lastMinute: { requests: number; p99Ms: number | null } };
  const rows = told.rows as readonly TopRow[];
  const title =
    `The last ${String(told.windowS)} s by ${String(told.by)}; ` +
    `in the last minute ${counted(lastMinute.requests, 'request')}, p99 ${ms(lastMinute.p99Ms)}`;
  return `${[title, '', ...formatTable(columns, rows)].join('\n')}\n`;
}
