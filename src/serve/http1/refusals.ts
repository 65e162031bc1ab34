/**
 * Answers to what never became a request with an exchange: no HTTP, too late, CONNECT. There is no
 * response object for them, only the socket.
 */

import { Buffer } from 'node:buffer';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Limits } from '../../config/config.ts';
import { type ErrorRecord, errorRow, TerrafirmaError, toErrorRecord } from '../../errors.ts';
import { formatHttpDate } from '../../http/date.ts';
import type { RequestRecord } from '../../journal/request-record.ts';
import { plainAddress } from '../plain-address.ts';
import { explainParserError, newRecord } from '../rejected.ts';
import { failureHead } from '../road/failure.ts';
import type { Http1Connections } from './connections.ts';

export interface RefusalsOptions {
  readonly limits: Limits;
  readonly connections: Http1Connections;
  readonly newId: () => string;
  readonly onRejected: (record: RequestRecord) => void;
  readonly wallMs: () => number;
}

/** The client ended in the middle of a request. */
const earlyEnd = 'HPE_INVALID_EOF_STATE';
const timeout = 'ERR_HTTP_REQUEST_TIMEOUT';

export class Refusals {
  readonly #options: RefusalsOptions;

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /** Node's parser gave up, or the connection broke. */
  refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    const { connections, limits } = this.#options;
    const code = error.code ?? '';
    const isOurs = code.startsWith('HPE_') || code === timeout;
    const isGone = code === earlyEnd && connections.isBusy(socket);
    if (!isOurs || isGone || !socket.writable || socket.bytesRead === 0) {
      socket.destroy();
      return;
    }
    this.#refuseFor(explainParserError(error, limits), socket, {});
  }

  /** Browsers that are given a port and no scheme speak plain HTTP first. */
  refusePlain(socket: Socket, request: Pick<IncomingMessage, 'method' | 'url'>): void {
    const rule = 'this port speaks HTTPS: its address must begin with https://';
    const detail = `Cannot answer: ${rule}: received plain HTTP`;
    this.#refuseFor(new TerrafirmaError('bad-request', detail), socket, request);
  }

  refuseConnect(incoming: IncomingMessage): void {
    const { socket, method, url } = incoming;
    this.#options.connections.keepDraining(socket);
    const detail = 'Cannot serve the request: CONNECT is not offered here';
    this.#refuseFor(new TerrafirmaError('bad-request', detail), socket, { method, url });
  }

  /** Logs a request that gets no further, with the answer that it gets. */
  note(record: RequestRecord, error: ErrorRecord, bytesSent: number): void {
    record.status = errorRow(error.code).status;
    record.outcome = 'failed';
    record.errorCode = error.code;
    record.errorDetail = error.detail;
    record.bytesSent = bytesSent;
    this.#options.onRejected(record);
  }

  #refuseFor(
    fault: TerrafirmaError,
    socket: Socket,
    from: Pick<IncomingMessage, 'method' | 'url'>,
  ): void {
    this.#options.connections.refuse(socket, fault, () => {
      const error = toErrorRecord(fault);
      const clientAddress = plainAddress(socket.remoteAddress);
      const record = newRecord(this.#options.newId(), { ...from, clientAddress });
      const { text, bytes } = compose(error, record.id, this.#options.wallMs());
      this.note(record, error, bytes);
      return text;
    });
  }
}

/** A whole answer, as text of one byte a character. */
function compose(error: ErrorRecord, id: string, wallMs: number) {
  const { head, body } = failureHead(error);
  const headers = [
    ...head.headers,
    ['date', formatHttpDate(wallMs)],
    ['content-length', String(body.length)],
    ['x-request-id', id],
    ['connection', 'close'],
  ];
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const firstLine = `HTTP/1.1 ${head.status} ${STATUS_CODES[head.status] ?? ''}\r\n`;
  const text = `${firstLine}${lines}\r\n${Buffer.from(body).toString('latin1')}`;
  return { text, bytes: body.length };
}
