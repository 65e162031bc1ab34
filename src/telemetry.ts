/**
 * One record a request: made at the door, filled along the road, told once on the way out. The
 * access line and the counters come from the same record and cannot disagree.
 */
import pino, { type Logger } from 'pino';
import type { LogLevel } from './config/config.ts';
import type { ErrorCode } from './errors.ts';
import { errorRow } from './errors.ts';
import type { Outcome } from './messages.ts';

export interface RequestRecord {
  readonly id: string;
  readonly method: string;
  /** The host name once it was parsed; until then what the visitor sent, cut short. */
  hostName: string;
  path: string;
  clientAddress: string;
  status: number;
  bytesReceived: number;
  bytesSent: number;
  outcome: Outcome | 'file' | 'failed';
  folderKey: string | undefined;
  modulePath: string | undefined;
  digest: string | undefined;
  abi: string | undefined;
  cpuUs: number | undefined;
  wallUs: number;
  memoryBytes: number | undefined;
  errorCode: ErrorCode | undefined;
  /** For the log only: visitors read the row's sentence unless the row may be shown. */
  errorDetail: string | undefined;
}

/** Where log lines go: each ends in a line end. */
export interface LineSink {
  write(line: string): void;
}

/** A logger whose lines are JSON and carry an ISO time; secrets are never given to it. */
export function createLogger(level: LogLevel, sink: LineSink): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: label } },
    sink,
  );
}

function label(level: string): { level: string } {
  return { level };
}

/**
 * The access log of one thread. The line of a request that went well is put together here instead
 * of by pino's general encoder, which took a seventh of a serving thread (docs/rationale.md); it is
 * the same line.
 */
export class RequestLog {
  readonly #logger: Logger;
  readonly #sink: LineSink;
  /** The text of one millisecond: making it would cost more than the rest of a line. */
  #textAtMs = 0;
  #timeText = '';
  readonly #place = new PlaceText();

  /** `sink` is the one that `logger` writes to. */
  constructor(logger: Logger, sink: LineSink) {
    this.#logger = logger;
    this.#sink = sink;
  }

  /** Failures that are ours or the operator's stand out by their level. */
  write(record: RequestRecord): void {
    if (record.errorCode === undefined) {
      if (!this.#logger.isLevelEnabled('info')) return;
      this.#sink.write(successLine(record, this.#isoTime(Date.now()), this.#place.of(record)));
      return;
    }
    const { fault } = errorRow(record.errorCode);
    if (fault === 'ours') this.#logger.error(record, 'request');
    else if (fault === 'visitor') this.#logger.info(record, 'request');
    else this.#logger.warn(record, 'request');
  }

  #isoTime(nowMs: number): string {
    if (nowMs !== this.#textAtMs) {
      this.#textAtMs = nowMs;
      this.#timeText = new Date(nowMs).toISOString();
    }
    return this.#timeText;
  }
}

/** What was served, as text: a thread often serves the same again. */
class PlaceText {
  #folderKey: string | undefined;
  #modulePath: string | undefined;
  #digest: string | undefined;
  #text = '';

  of({ folderKey, modulePath, digest, abi }: RequestRecord): string {
    const isSame =
      folderKey === this.#folderKey && modulePath === this.#modulePath && digest === this.#digest;
    if (isSame) return this.#text;
    this.#folderKey = folderKey;
    this.#modulePath = modulePath;
    this.#digest = digest;
    const folder = folderKey === undefined ? '' : `,"folderKey":${quote(folderKey)}`;
    const module = modulePath === undefined ? '' : `,"modulePath":${quote(modulePath)}`;
    const bytes = digest === undefined ? '' : `,"digest":"${digest}"`;
    this.#text = `${folder}${module}${bytes}${abi === undefined ? '' : `,"abi":"${abi}"`}`;
    return this.#text;
  }
}

/** Only what a visitor or an owner has chosen can need escaping. */
function successLine(record: RequestRecord, time: string, place: string): string {
  const { cpuUs, memoryBytes } = record;
  return (
    `{"level":"info","time":"${time}","id":"${record.id}"` +
    `,"method":${quote(record.method)},"hostName":${quote(record.hostName)}` +
    `,"path":${quote(record.path)},"clientAddress":"${record.clientAddress}"` +
    `,"status":${record.status},"bytesReceived":${record.bytesReceived}` +
    `,"bytesSent":${record.bytesSent},"outcome":"${record.outcome}"${place}` +
    `${cpuUs === undefined ? '' : `,"cpuUs":${cpuUs}`},"wallUs":${record.wallUs}` +
    `${memoryBytes === undefined ? '' : `,"memoryBytes":${memoryBytes}`},"msg":"request"}\n`
  );
}

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/**
 * Collects a thread's lines and hands them on in batches: posting each line to another thread
 * would cost more than writing it.
 */
export class BatchedLines implements LineSink {
  readonly #handOn: (lines: string) => void;
  readonly #batchCharsMax: number;
  readonly #delayMs: number;
  #lines = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(
    handOn: (lines: string) => void,
    options: { readonly batchCharsMax: number; readonly delayMs: number },
  ) {
    this.#handOn = handOn;
    this.#batchCharsMax = options.batchCharsMax;
    this.#delayMs = options.delayMs;
  }

  write(line: string): void {
    this.#lines += line;
    if (this.#lines.length >= this.#batchCharsMax) {
      this.flush();
      return;
    }
    this.#timer ??= setTimeout(() => this.flush(), this.#delayMs);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines === '') return;
    const lines = this.#lines;
    this.#lines = '';
    this.#handOn(lines);
  }
}
