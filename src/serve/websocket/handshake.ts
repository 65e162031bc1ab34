/** What a request must be to open a WebSocket: RFC 6455, section 4.2.1. Pure. */

import type { IncomingHttpHeaders } from 'node:http';
import { TerrafirmaError } from '../../errors.ts';
import { isToken } from '../../http/token.ts';
import { quoteReceived } from '../../names.ts';

export interface HandshakeHead {
  readonly method?: string | undefined;
  readonly httpVersion: string;
  readonly headers: IncomingHttpHeaders;
}

const webSocketVersion = '13';
/** 16 bytes in base64. */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/;

/** Whether the client asks for a WebSocket; any other upgrade is declined by not taking it up. */
export function asksForWebSocket({ headers }: Pick<HandshakeHead, 'headers'>): boolean {
  return headers.upgrade?.trim().toLowerCase() === 'websocket';
}

/** @throws TerrafirmaError `bad-upgrade`, `websocket-version`. */
export function checkHandshake(head: HandshakeHead): void {
  const { method = '', httpVersion, headers } = head;
  if (method !== 'GET') throw bad('its method must be GET', method);
  if (httpVersion !== '1.1') throw bad('it must be HTTP/1.1', httpVersion);
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) {
    throw bad('it must have no body', 'one');
  }
  const version = headers['sec-websocket-version'] ?? '';
  if (version !== webSocketVersion) {
    throw new TerrafirmaError(
      'websocket-version',
      `Cannot open a WebSocket: Sec-WebSocket-Version must be ${webSocketVersion}: ` +
        `received ${quoteReceived(version)}`,
    );
  }
  const key = headers['sec-websocket-key'] ?? '';
  if (!keyPattern.test(key)) throw bad('Sec-WebSocket-Key must be 16 bytes in base64', key);
  checkProtocols(headers['sec-websocket-protocol']);
}

/** It would have to wait for the answers before it, and with it whoever is to hold it. */
export function comesTooEarly(): TerrafirmaError {
  const rule = 'no answer may be under way on its connection';
  return new TerrafirmaError(
    'bad-upgrade',
    `Cannot open a WebSocket: ${rule}: received it behind one`,
  );
}

function checkProtocols(list: string | undefined): void {
  if (list === undefined) return;
  const names = list.split(',').map((name) => name.trim());
  if (names.every(isToken) && new Set(names).size === names.length) return;
  throw bad('Sec-WebSocket-Protocol must be a list of different tokens', list);
}

function bad(rule: string, received: string): TerrafirmaError {
  const detail = `Cannot open a WebSocket: ${rule}: received ${quoteReceived(received)}`;
  return new TerrafirmaError('bad-upgrade', detail);
}
