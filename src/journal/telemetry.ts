/** The lines of the log, above all those that requests and guests cause. */

import pino, { type Logger } from 'pino';
import type { LogLevel } from '../config/config.ts';
import { errorRow } from '../errors.ts';
import type { ThreadCounters } from './counters.ts';
import type { Journal } from './journal.ts';
import { quote } from './json-text.ts';
import type { LineSink, LogChannel } from './log-channel.ts';
import type { RequestRecord, VisitorWords } from './request-record.ts';

/** What others chose (paths, names, values) is told up to here; a mark says that it was longer. */
const valueCharsMax = 200;
/** Our own sentences, and where a guest failed, may be longer. */
const detailCharsMax = 2_000;
/** No host name is longer (RFC 1035, section 2.3.4). */
const hostNameCharsMax = 253;
const detailFields: ReadonlySet<string> = new Set(['errorDetail', 'reason']);

/** A logger whose lines are JSON and carry an ISO time; secrets are never given to it. */
export function createLogger(level: LogLevel, sink: LineSink): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: cutFields },
    },
    sink,
  );
}

/** Tells what one thread has dropped of the log since this was told last: so many lines. */
export function tellLosses(journal: Journal, channel: LogChannel): number {
  const losses = channel.takeLosses();
  if (losses !== undefined) journal.tell('log-lines-dropped', losses);
  return losses?.droppedLines ?? 0;
}

function cutFields(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? cut(value, charsMaxOf(name)) : value,
    ]),
  );
}

function charsMaxOf(field: string): number {
  return detailFields.has(field) ? detailCharsMax : valueCharsMax;
}

/** `text`, or its beginning and how long it was. */
function cut(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text;
  return `${text.slice(0, charsMax)}… (${text.length} characters)`;
}

/** Whose words a guest's lines are. */
export interface GuestLineTag {
  readonly folderKey: string;
  readonly modulePath: string;
  readonly requestId: string;
  readonly clientAddress?: string | undefined;
}

/**
 * The lines of one thread that requests and guests cause. They are put together here instead of by
 * pino's general encoder, which took a seventh of a serving thread (docs/rationale.md); they are
 * the same lines.
 */
export class RequestLog {
  readonly #logger: Logger;
  readonly #channel: LogChannel;
  readonly #counters: ThreadCounters;
  readonly #time = new TimeText();
  readonly #asked = new AskedText();
  readonly #client = new ClientText();
  readonly #place = new PlaceText();

  constructor(logger: Logger, channel: LogChannel, counters: ThreadCounters) {
    this.#counters = counters;
    this.#logger = logger;
    this.#channel = channel;
  }

  /** Counts and logs a request. Failures that are ours or the operator's stand out by level. */
  write(record: RequestRecord): void {
    this.#counters.note(record);
    const level = levelOf(record);
    if (!this.#logger.isLevelEnabled(level) || !this.#channel.allows(record)) return;
    this.#channel.write(
      requestLine(record, {
        head: this.#time.headOf(level, Date.now()),
        asked: this.#asked.of(record),
        client: this.#client.of(record),
        place: this.#place.of(record),
      }),
      record,
    );
  }

  /** One line that a guest wrote; `message` holds no control characters. */
  writeOfGuest(
    level: 'trace' | 'info' | 'warn' | 'error',
    message: string,
    tag: GuestLineTag,
  ): void {
    if (!this.#logger.isLevelEnabled(level)) return;
    const { folderKey, clientAddress, modulePath, requestId } = tag;
    const origin = { folderKey, clientAddress };
    if (!this.#channel.allows(origin)) return;
    this.#channel.write(
      `${this.#time.headOf(level, Date.now())},"folderKey":${quoteValue(folderKey)}` +
        `,"modulePath":${quoteValue(modulePath)},"requestId":"${requestId}"` +
        `,"msg":${quote(message)}}\n`,
      origin,
    );
  }
}

/**
 * What lines of one level begin with in one millisecond: it would cost more than all the rest. Like
 * the next ones joined, which makes it one piece: sums are put together when a line leaves, anew in
 * each.
 */
class TimeText {
  #atMs = 0;
  #level = '';
  #text = '';

  headOf(level: string, nowMs: number): string {
    if (nowMs === this.#atMs && level === this.#level) return this.#text;
    this.#atMs = nowMs;
    this.#level = level;
    this.#text = ['{"level":"', level, '","time":"', new Date(nowMs).toISOString(), '"'].join('');
    return this.#text;
  }
}

function levelOf({ errorCode }: RequestRecord): 'info' | 'warn' | 'error' {
  if (errorCode === undefined) return 'info';
  const { fault } = errorRow(errorCode);
  if (fault === 'ours') return 'error';
  return fault === 'visitor' ? 'info' : 'warn';
}

/** What was asked of whom, as text: a thread is often asked the same again. */
class AskedText {
  #method: string | undefined;
  #hostName: string | undefined;
  #path: string | undefined;
  #text = '';

  of({ method, hostName, path }: RequestRecord): string {
    const isSame = method === this.#method && hostName === this.#hostName && path === this.#path;
    if (isSame) return this.#text;
    this.#method = method;
    this.#hostName = hostName;
    this.#path = path;
    const host = quote(cut(hostName, hostNameCharsMax));
    const from = ['","method":', quoteValue(method), ',"hostName":', host, ',"path":'];
    this.#text = [...from, quoteValue(path)].join('');
    return this.#text;
  }
}

/** Who asked, and how it was answered, as text. */
class ClientText {
  #clientAddress: string | undefined;
  #status: number | undefined;
  #text = '';

  of({ clientAddress, status }: RequestRecord): string {
    if (clientAddress === this.#clientAddress && status === this.#status) return this.#text;
    this.#clientAddress = clientAddress;
    this.#status = status;
    const client = quoteValue(clientAddress);
    this.#text = [',"clientAddress":', client, ',"status":', status].join('');
    return this.#text;
  }
}

/** What was served, as text: a thread often serves the same again. */
class PlaceText {
  #outcome: string | undefined;
  #folderKey: string | undefined;
  #modulePath: string | undefined;
  #digest: string | undefined;
  #text = '';

  of({ outcome, folderKey, modulePath, digest, abi }: RequestRecord): string {
    const isSame =
      folderKey === this.#folderKey && modulePath === this.#modulePath && digest === this.#digest;
    if (isSame && outcome === this.#outcome) return this.#text;
    this.#outcome = outcome;
    this.#folderKey = folderKey;
    this.#modulePath = modulePath;
    this.#digest = digest;
    const folder = folderKey === undefined ? '' : `,"folderKey":${quoteValue(folderKey)}`;
    const module = modulePath === undefined ? '' : `,"modulePath":${quoteValue(modulePath)}`;
    const bytes = digest === undefined ? '' : `,"digest":"${digest}"`;
    const by = abi === undefined ? '' : `,"abi":"${abi}"`;
    this.#text = [',"outcome":"', outcome, '"', folder, module, bytes, by].join('');
    return this.#text;
  }
}

interface LineTexts {
  readonly head: string;
  readonly asked: string;
  readonly client: string;
  readonly place: string;
}

/**
 * Few pieces, most of them made before: each one is an object that V8 walks through when the line
 * leaves. Only what a visitor or an owner has chosen can need escaping.
 */
function requestLine(record: RequestRecord, texts: LineTexts): string {
  const { head, asked, client, place } = texts;
  const { cpuUs, errorCode, memoryBytes, traceId, visitor } = record;
  const cpu = cpuUs === undefined ? '' : `,"cpuUs":${cpuUs}`;
  const memory = memoryBytes === undefined ? '' : `,"memoryBytes":${memoryBytes}`;
  const isUsual = errorCode === undefined && visitor === undefined && traceId === undefined;
  return (
    `${head},"id":"${record.id}${asked}${client},"bytesReceived":${record.bytesReceived}` +
    `,"bytesSent":${record.bytesSent}${place}${cpu},"wallUs":${record.wallUs}${memory}` +
    `${isUsual ? '' : restOf(record)},"msg":"request"}\n`
  );
}

function restOf({ errorCode, errorDetail, traceId, visitor }: RequestRecord): string {
  const detail = errorDetail === undefined ? '' : cut(errorDetail, detailCharsMax);
  const cause = detail === '' ? '' : `,"errorDetail":${quote(detail)}`;
  const error = errorCode === undefined ? '' : `,"errorCode":"${errorCode}"${cause}`;
  const words = visitor === undefined ? '' : visitorText(visitor);
  return `${error}${words}${traceId === undefined ? '' : `,"traceId":"${traceId}"`}`;
}

function visitorText({ httpVersion, referer, userAgent }: VisitorWords): string {
  const from = referer === undefined ? '' : `,"referer":${quoteValue(referer)}`;
  const by = userAgent === undefined ? '' : `,"userAgent":${quoteValue(userAgent)}`;
  return `,"httpVersion":${quoteValue(httpVersion)}${from}${by}`;
}

function quoteValue(text: string): string {
  return quote(cut(text, valueCharsMax));
}
