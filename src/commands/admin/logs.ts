/** `terrafirma logs`: the newest lines of a running daemon's log, and those still to come. */
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { keptPathOf } from '../../deploy/keep/store.ts';
import { TerrafirmaError } from '../../errors.ts';
import { createPrettifier } from '../../journal/readable-lines.ts';
import type { Digest } from '../../names.ts';
import { withSourceLines } from '../../wasm/source-lines.ts';
import type { Arguments, Command, CommandIo } from '../command.ts';
import { printable } from '../printable.ts';
import { readDuration } from './bans.ts';
import type { Connection } from './connection.ts';
import { adminFlags, adminNote, adminSettings, findDaemon } from './find-daemon.ts';
import { splitSubject } from './subject.ts';

/** A broken stream is tried again so often, so long after. */
const retryMs = 500;
const retriesMax = 20;

export const logs: Command = {
  name: 'logs',
  summary: 'Show lines of a running daemon’s log: of a host name, a folder or a module',
  positionals: [
    {
      name: 'host|folder[/module]',
      isRequired: false,
      summary: 'Such as example.com, ./site, /keybase/public/you, example.com/hello.wasm',
    },
  ],
  flags: [
    ...adminFlags,
    { name: 'follow', short: 'f', summary: 'Go on with what comes' },
    { name: 'since', placeholder: '10m|2h|1d', summary: 'Only lines of the last so long' },
    { name: 'outcome', placeholder: 'word', summary: 'Only requests that ended so: trapped, …' },
    { name: 'status', placeholder: '404|5xx', summary: 'Only answers with that status' },
    { name: 'level', placeholder: 'word', summary: 'Only lines that are at least so important' },
    { name: 'request', placeholder: 'id', summary: 'Only lines of that request' },
    { name: 'trace', placeholder: 'id', summary: 'Only the request of that trace' },
    { name: 'lines', placeholder: 'count', summary: 'How many at most; default 100' },
    { name: 'json', summary: 'Print the lines as they are' },
  ],
  readsConfig: true,
  settings: adminSettings,
  notes: [
    'The daemon keeps the newest lines in memory (limits.log_ring_bytes_max); older ones are ' +
      'where its standard output goes.',
    adminNote,
  ],
  async run(given, io) {
    const daemon = await findDaemon(given, io);
    const query = await queryOf(given, daemon, io);
    const print = printerOf(given, io);
    const told = await daemon.json(`/v1/log?${query}`);
    const lines = told.lines as readonly LogLine[];
    const isOfOne = given.has('request') || given.has('trace');
    const shown = isOfOne ? await withSources(lines, daemon) : lines;
    for (const line of shown) print(JSON.stringify(line));
    if (lines.length === 0 && !given.has('follow')) {
      io.report('There is no such line among the newest, which the daemon keeps');
    }
    if (given.has('follow')) await follow(daemon, { query, print, next: String(told.next), io });
    return 0;
  },
};

interface LogLine {
  readonly digest?: string;
  readonly errorDetail?: string;
}

/**
 * Where a function failed, by the lines of its sources: read from its bytes, which are in the
 * daemon's state directory. They stay offsets where that is elsewhere, or another user's.
 */
async function withSources(
  lines: readonly LogLine[],
  daemon: Connection,
): Promise<readonly LogLine[]> {
  if (!lines.some(({ digest, errorDetail }) => digest && errorDetail)) return lines;
  const { stateDirectory } = await daemon.json('/v1/status');
  return lines.map((line) => {
    const { digest, errorDetail } = line;
    if (digest === undefined || errorDetail === undefined) return line;
    const bytes = readKept(keptPathOf(String(stateDirectory), digest as Digest));
    return bytes === undefined
      ? line
      : { ...line, errorDetail: withSourceLines(errorDetail, bytes) };
  });
}

function readKept(file: string): Uint8Array | undefined {
  try {
    return readFileSync(file);
  } catch {
    // Swept since, or another user's: the line is told as the daemon wrote it.
    return undefined;
  }
}

async function queryOf(
  given: Arguments,
  daemon: Connection,
  io: CommandIo,
): Promise<URLSearchParams> {
  const query = new URLSearchParams({ limit: given.value('lines') ?? '100' });
  const [subject] = given.positionals;
  if (subject !== undefined) await addSubject(query, subject, { daemon, io });
  for (const name of ['outcome', 'status', 'level', 'request', 'trace']) {
    const value = given.value(name);
    if (value !== undefined) query.set(name, value);
  }
  const since = given.value('since');
  if (since !== undefined) query.set('sinceMs', String(Date.now() - readDuration(since)));
  return query;
}

async function addSubject(
  query: URLSearchParams,
  subject: string,
  { daemon, io }: { readonly daemon: Connection; readonly io: CommandIo },
): Promise<void> {
  // Of a name all lines are told, also those of requests that no folder was found for.
  if (!/[/\\]|^\.+$/.test(subject)) {
    query.set('host', subject.toLowerCase());
    return;
  }
  const { folder, module } = await splitSubject(subject, daemon, io.machine.workingDirectory);
  query.set('folder', folder);
  if (module !== undefined) query.set('module', module);
}

function printerOf(given: Arguments, io: CommandIo): (line: string) => void {
  if (given.has('json')) return (line) => io.write(`${line}\n`);
  const isColored = io.isTerminal && io.machine.environment.NO_COLOR === undefined;
  const prettify = createPrettifier(isColored);
  // Only the values are strangers': the colours are ours.
  return (line) => io.write(prettify(safeLine(line)));
}

/** JSON escapes the controls below 32, and prettifying would turn them back. */
function safeLine(line: string): string {
  return JSON.stringify(JSON.parse(line, (_, value) => printableValue(value)));
}

function printableValue(value: unknown): unknown {
  return typeof value === 'string' ? printable(value) : value;
}

/** A stream that breaks is taken up where it was, without a gap. */
async function follow(
  daemon: Connection,
  from: {
    readonly query: URLSearchParams;
    readonly print: (line: string) => void;
    readonly next: string;
    readonly io: CommandIo;
  },
): Promise<void> {
  const { io, print, query } = from;
  let lastId = from.next;
  let failures = 0;
  const stop = new AbortController();
  const remove = io.onSignal(() => stop.abort());
  try {
    while (!stop.signal.aborted) {
      try {
        for await (const event of untilStopped(daemon.events(`/v1/log?${query}`, lastId), stop)) {
          failures = 0;
          if (event.name === 'line') print(event.data);
          else if (event.name === 'gap') io.report(`Some lines were too many: ${event.data}`);
          lastId = event.id ?? lastId;
        }
      } catch (error) {
        failures += 1;
        const isFinal = error instanceof TerrafirmaError && error.code === 'refused';
        if (isFinal || failures > retriesMax) throw error;
      }
      if (!stop.signal.aborted) await wait(retryMs);
    }
  } finally {
    remove();
  }
}

async function* untilStopped<T>(events: AsyncGenerator<T>, stop: AbortController) {
  const aborted = new Promise<'stopped'>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
  for (;;) {
    const next = await Promise.race([events.next(), aborted]);
    if (next === 'stopped' || next.done === true) return;
    yield next.value;
  }
}
