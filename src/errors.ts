/**
 * Every failure the daemon can name: one row a code, with the HTTP status a visitor gets, whose
 * fault it is (which decides the log level) and whether the detail may be shown to the visitor.
 *
 * Details read "Cannot X: rule: received Y" and never hold secrets; where `shown` is false they
 * go to the log only, because they would tell a stranger about somebody else's folder.
 */

import { adminRows } from './errors/admin-rows.ts';
import { hostNameRows } from './errors/host-name-rows.ts';
import type { ErrorRow } from './errors/row.ts';

export type { Fault } from './errors/row.ts';

export const errorTable = {
  // The request itself.
  'bad-request': {
    status: 400,
    fault: 'visitor',
    sentence: 'Cannot read the request: it must be valid HTTP/1.1',
    shown: true,
  },
  'bad-host': {
    status: 400,
    fault: 'visitor',
    sentence: 'Cannot serve the request: it needs one valid Host header',
    shown: true,
  },
  'bad-path': {
    status: 400,
    fault: 'visitor',
    sentence: 'Cannot serve the request: its path is not a valid path',
    shown: true,
  },
  'method-not-allowed': {
    status: 405,
    fault: 'visitor',
    sentence: 'Cannot serve the file: only GET and HEAD are allowed for files',
    shown: true,
    allow: 'GET, HEAD',
  },
  'bad-upgrade': {
    status: 400,
    fault: 'visitor',
    sentence: 'Cannot open a WebSocket: the request is not a valid handshake',
    shown: true,
  },
  'websocket-version': {
    status: 426,
    fault: 'visitor',
    sentence: 'Cannot open a WebSocket: its version must be 13',
    shown: true,
    headers: [
      ['upgrade', 'websocket'],
      ['sec-websocket-version', '13'],
    ],
  },
  'no-websocket': {
    status: 404,
    fault: 'visitor',
    sentence: 'Cannot open a WebSocket: this path does not accept WebSockets',
    shown: true,
  },
  'request-timeout': {
    status: 408,
    fault: 'visitor',
    sentence: 'Cannot read the request: it did not arrive in time',
    shown: true,
  },
  'request-too-large': {
    status: 413,
    fault: 'visitor',
    sentence: 'Cannot accept the request: its body is too large',
    shown: true,
  },
  'uri-too-long': {
    status: 414,
    fault: 'visitor',
    sentence: 'Cannot accept the request: its target is too long',
    shown: true,
  },
  'range-not-satisfiable': {
    status: 416,
    fault: 'visitor',
    sentence: 'Cannot send that range: the file is shorter',
    shown: true,
  },
  misdirected: {
    status: 421,
    fault: 'visitor',
    sentence: 'Cannot serve the request: its host name is not the one of the TLS handshake',
    shown: true,
  },
  'headers-too-large': {
    status: 431,
    fault: 'visitor',
    sentence: 'Cannot accept the request: its headers are too large',
    shown: true,
  },
  'client-gone': {
    status: 499,
    fault: 'visitor',
    sentence: 'Cannot answer: the client closed the connection',
    shown: false,
  },
  loop: {
    status: 508,
    fault: 'owner',
    sentence: 'Cannot answer: the request came back to this server too often (a loop)',
    shown: true,
  },
  ...hostNameRows,
  // Who asks.
  unauthorized: {
    status: 401,
    fault: 'visitor',
    sentence: 'Cannot serve that path: it needs a user and a password',
    shown: false,
  },
  'no-permission': {
    status: 403,
    fault: 'visitor',
    sentence: 'Cannot serve that path: its folder does not allow it',
    shown: false,
  },
  'too-many-logins': {
    status: 429,
    fault: 'visitor',
    sentence: 'Cannot check the password now: too many were tried; try again in a moment',
    shown: true,
    retryAfterS: 5,
  },
  // From the path to the module or file.
  'not-found': {
    status: 404,
    fault: 'visitor',
    sentence: 'Cannot find that path in the folder',
    shown: false,
  },
  gone: {
    status: 410,
    fault: 'visitor',
    sentence: 'Cannot find the path: it is gone for good',
    shown: true,
  },
  'forbidden-path': {
    status: 403,
    fault: 'visitor',
    sentence: 'Cannot serve that path: it is never served',
    shown: true,
  },
  'module-refused': {
    status: 502,
    fault: 'owner',
    sentence: 'Cannot run the module: it was refused',
    shown: true,
  },
  'module-quarantined': {
    status: 502,
    fault: 'operator',
    sentence: 'Cannot run the module: the daemon crashed when it was new, so it is quarantined',
    shown: true,
  },
  'no-verdict': {
    status: 503,
    fault: 'ours',
    sentence: 'Cannot answer yet: the folder or module is being checked; try again in a moment',
    shown: true,
    retryAfterS: 2,
  },
  // The run.
  'guest-trapped': {
    status: 500,
    fault: 'owner',
    sentence: 'Cannot answer: the function failed',
    shown: false,
  },
  'guest-exited': {
    status: 500,
    fault: 'owner',
    sentence: 'Cannot answer: the function exited with an error code',
    shown: false,
  },
  'guest-out-of-memory': {
    status: 500,
    fault: 'owner',
    sentence: 'Cannot answer: the function reached its memory limit',
    shown: true,
  },
  'guest-out-of-cpu': {
    status: 504,
    fault: 'owner',
    sentence: 'Cannot answer: the function reached its CPU limit',
    shown: true,
  },
  'guest-out-of-time': {
    status: 504,
    fault: 'owner',
    sentence: 'Cannot answer: the function reached its wall-clock limit',
    shown: true,
  },
  'data-not-stored': {
    status: 503,
    fault: 'owner',
    sentence: 'Cannot answer: what the function wrote could not be stored',
    shown: false,
    retryAfterS: 5,
  },
  'store-away': {
    status: 503,
    fault: 'operator',
    sentence: 'Cannot answer now: what functions store cannot be reached; try again in a moment',
    shown: false,
    retryAfterS: 5,
  },
  'bad-reply': {
    status: 500,
    fault: 'owner',
    sentence: 'Cannot answer: the function gave an answer that is not valid HTTP',
    shown: false,
  },
  'no-middleware': {
    status: 500,
    fault: 'owner',
    sentence: 'Cannot answer: a module that stands before this path is missing',
    shown: true,
  },
  'no-answer': {
    status: 503,
    fault: 'owner',
    sentence: 'Cannot answer: the server that the function has asked did not answer',
    shown: false,
  },
  'reply-too-large': {
    status: 500,
    fault: 'owner',
    sentence: 'Cannot answer: the function gave an answer that is too large',
    shown: false,
  },
  // The box.
  overloaded: {
    status: 503,
    fault: 'operator',
    sentence: 'Cannot answer now: too many requests for this site',
    shown: true,
    retryAfterS: 1,
  },
  draining: {
    status: 503,
    fault: 'operator',
    sentence: 'Cannot answer now: the server is stopping; try again in a moment',
    shown: true,
    retryAfterS: 5,
  },
  'thread-lost': {
    status: 502,
    fault: 'ours',
    sentence: 'Cannot answer: the thread that served the request was replaced; try again',
    shown: true,
    retryAfterS: 1,
  },
  internal: {
    status: 500,
    fault: 'ours',
    sentence: 'Cannot answer: the server itself failed',
    shown: false,
  },
  ...adminRows,
  // Not HTTP: the command line and the start of the daemon.
  usage: { status: 500, fault: 'operator', sentence: 'Cannot run: bad arguments', shown: true },
  config: {
    status: 500,
    fault: 'operator',
    sentence: 'Cannot start: bad configuration',
    shown: true,
  },
  start: { status: 500, fault: 'operator', sentence: 'Cannot start', shown: true },
  state: {
    status: 500,
    fault: 'operator',
    sentence: 'Cannot use the state directory',
    shown: false,
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

/** The row of `code`, typed as a row so that optional columns can be asked for. */
export function errorRow(code: ErrorCode): ErrorRow {
  return errorTable[code];
}

/**
 * A failure with a name. `message` is the detail: "Cannot X: rule: received Y", and what to do
 * next where that is not obvious.
 */
export class TerrafirmaError extends Error {
  override readonly name = 'TerrafirmaError';
  readonly code: ErrorCode;
  /** Of `dns-failed`, where servers have answered: the code of their answer (RFC 1035). */
  readonly dnsRcode: number | undefined;

  constructor(code: ErrorCode, detail?: string, options?: TerrafirmaErrorOptions) {
    super(detail ?? errorTable[code].sentence, options);
    this.code = code;
    this.dnsRcode = options?.dnsRcode;
  }
}

export interface TerrafirmaErrorOptions extends ErrorOptions {
  readonly dnsRcode?: number | undefined;
}

/** The same error over a thread boundary: structured cloning loses classes. */
export interface ErrorRecord {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly dnsRcode?: number;
}

export function toErrorRecord(error: unknown): ErrorRecord {
  if (error instanceof TerrafirmaError) {
    const { code, dnsRcode, message: detail } = error;
    return dnsRcode === undefined ? { code, detail } : { code, detail, dnsRcode };
  }
  return { code: 'internal', detail: describeError(error) };
}

export function fromErrorRecord({ code, detail, dnsRcode }: ErrorRecord): TerrafirmaError {
  return new TerrafirmaError(code, detail, { dnsRcode });
}

/**
 * Text for the log about anything that was thrown. What the system refused it says itself, and so
 * does an error of ours; where in the program that was, operators need not read.
 */
export function describeError(error: unknown): string {
  if (error instanceof Error && 'syscall' in error) return error.message;
  if (error instanceof TerrafirmaError && error.code !== 'internal') return error.message;
  if (error instanceof Error) return error.stack ?? `${error.name}: ${error.message}`;
  return String(error);
}

/** What a visitor reads: the detail where it may be shown, else the row's sentence. */
export function visitorSentence(record: ErrorRecord): string {
  const row = errorRow(record.code);
  return row.shown ? record.detail : row.sentence;
}
