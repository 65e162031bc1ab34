/** `/v1/log`: the newest lines of the log that pass a filter, and those that are still to come. */
import type { RingLine, RingLines } from '../../journal/log-ring.ts';
import type { EventStream } from '../event-stream.ts';
import { type LogFilter, readLine, readLogFilter } from '../log-filter.ts';
import {
  type AdminReply,
  type AdminRequest,
  countOf,
  json,
  type Route,
  rowsMax,
} from '../request.ts';
import type { AdminWorld } from '../world.ts';

/** What is looked through at a stretch: a millisecond, or four where an owner sees all of it. */
const pieceBytes = 64 * 1024;
const linesFallback = 100;
/** Lines gather for so long before those who follow get them. */
const gatherMs = 50;
const waitMsMax = 60_000;

type LogWorld = Pick<AdminWorld, 'log' | 'readLog' | 'showLine' | 'startedAtMs'> & {
  readonly config: { readonly limits: { readonly logRingLinesMax: number } };
};

export function logRoutes(world: LogWorld): readonly Route[] {
  return [{ method: 'GET', path: '/v1/log', answer: (request) => answerLog(world, request) }];
}

async function answerLog(world: LogWorld, request: AdminRequest): Promise<AdminReply> {
  const filter = readLogFilter(request);
  if (request.headers.accept?.includes('text/event-stream') !== true) {
    const { config } = world;
    const limit = countOf(request, 'limit', { fallback: linesFallback, min: 1, max: rowsMax });
    const { lines, next } = await searchLog(world, filter, {
      limit,
      linesMax: config.limits.logRingLinesMax,
    });
    return json({ lines: lines.map(({ line }) => line), next: idOf(world, next) });
  }
  const from = placeOf(world, lastIdOf(request));
  return {
    kind: 'events',
    run: (stream) => void followLog(stream, { ...world, filter, from }),
  };
}

/** The newest lines that pass, oldest first, and where the log goes on after them. */
export async function searchLog(
  { log, readLog }: Pick<LogWorld, 'log' | 'readLog'>,
  filter: LogFilter,
  bounds: { readonly limit: number; readonly linesMax: number },
): Promise<{ readonly lines: readonly FoundLine[]; readonly next: number }> {
  const next = log.end;
  const found: FoundLine[] = [];
  let left = bounds.linesMax;
  for (let place = next; left > 0 && found.length < bounds.limit; ) {
    const piece = await readLog(() => {
      const lines = log.readBefore(place, pieceBytes) ?? [];
      for (const line of lines.slice(0, left)) take(line, filter, found);
      return lines;
    });
    const last = piece.at(-1);
    if (last === undefined) break;
    left -= piece.length;
    place = last.place;
  }
  return { lines: found.slice(0, bounds.limit).reverse(), next };
}

interface FoundLine {
  readonly place: number;
  readonly line: unknown;
}

function take({ place, text }: RingLine, filter: LogFilter, found: FoundLine[]): void {
  const line = readLine(text, filter);
  if (line !== undefined) found.push({ place, line });
}

export interface Following extends Pick<LogWorld, 'log' | 'readLog' | 'showLine' | 'startedAtMs'> {
  readonly filter: LogFilter;
  /** Where to begin. */
  readonly from: number;
  /** What a line's id looks like; left out: its place alone. */
  readonly idOf?: (place: number) => string;
}

/** Sends lines until the client goes. What was overwritten before it was read is told as a gap. */
export async function followLog(stream: EventStream, following: Following): Promise<void> {
  const { log, readLog } = following;
  let place = following.from;
  while (stream.isOpen) {
    await stream.whenRoom();
    const from = place;
    const { lines, next } = await readLog(() => sendLines(stream, from, following));
    const isCaughtUp = next === place || lines.length === 0;
    place = next;
    if (!isCaughtUp) continue;
    await log.whenMore(place, waitMsMax);
    await new Promise((resolve) => setTimeout(resolve, gatherMs));
  }
}

/** Those that pass of a piece of the log. */
function sendLines(stream: EventStream, from: number, following: Following): RingLines {
  const { filter, log, showLine } = following;
  const nameId = following.idOf ?? ((place: number) => idOf(following, place));
  const piece = log.readFrom(from, pieceBytes);
  const { lines, lostBytes } = piece;
  if (lostBytes > 0) stream.send({ name: 'gap', data: JSON.stringify({ bytes: lostBytes }) });
  for (const line of lines) {
    const read = readLine(line.text, filter);
    if (read === undefined) continue;
    // Its id says where to go on after it.
    const after = line.place + Buffer.byteLength(line.text) + 1;
    const data = showLine === undefined ? line.text : JSON.stringify(showLine(read));
    stream.send({ name: 'line', data, id: nameId(after) });
  }
  return piece;
}

/** A place, named so that the next daemon does not take it for one of its own log. */
function idOf({ startedAtMs }: Pick<LogWorld, 'startedAtMs'>, place: number): string {
  return `${startedAtMs.toString(36)}-${place.toString(36)}`;
}

/** What the client has had last: by the header of EventSource, or by the query. */
export function lastIdOf({ headers, query }: AdminRequest): string | undefined {
  const header = headers['last-event-id'];
  return (Array.isArray(header) ? header[0] : header) ?? query.get('after') ?? undefined;
}

/** Without an id, what is to come; with one of an earlier daemon, all that there is. */
export function placeOf({ log, startedAtMs }: LogWorld, id: string | undefined): number {
  if (id === undefined) return log.end;
  const [daemon = '', text = ''] = id.split('-');
  const place = Number.parseInt(text, 36);
  const isOurs = daemon === startedAtMs.toString(36) && Number.isSafeInteger(place);
  return isOurs && place >= 0 ? Math.min(place, log.end) : 0;
}
