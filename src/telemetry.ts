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

/** Writes the access line. Failures that are ours or the operator's stand out by their level. */
export function logRequest(logger: Logger, record: RequestRecord): void {
  const fault = record.errorCode === undefined ? undefined : errorRow(record.errorCode).fault;
  if (fault === 'ours') logger.error(record, 'request');
  else if (fault === 'owner' || fault === 'operator' || fault === 'upstream') {
    logger.warn(record, 'request');
  } else logger.info(record, 'request');
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
