/** What is known of a request before there is an exchange, and why there may be none. Pure. */

import { inBytes } from '../amounts.ts';
import type { Limits } from '../config/config.ts';
import { TerrafirmaError } from '../errors.ts';
import type { RequestRecord } from '../journal/request-record.ts';
import { withoutSecrets } from '../names.ts';

export function newRecord(
  id: string,
  from: {
    readonly method?: string | undefined;
    readonly url?: string | undefined;
    readonly clientAddress: string;
  },
): RequestRecord {
  return {
    id,
    method: from.method ?? '',
    hostName: '',
    path: withoutSecrets(from.url ?? ''),
    clientAddress: from.clientAddress,
    status: 0,
    bytesReceived: 0,
    bytesSent: 0,
    outcome: 'failed',
    folderKey: undefined,
    modulePath: undefined,
    digest: undefined,
    abi: undefined,
    cpuUs: undefined,
    wallUs: 0,
    memoryBytes: undefined,
    errorCode: undefined,
    errorDetail: undefined,
    visitor: undefined,
    traceId: undefined,
    counterRow: 0,
  };
}

export function explainParserError(error: NodeJS.ErrnoException, limits: Limits): TerrafirmaError {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new TerrafirmaError(
      'headers-too-large',
      `Cannot accept the request: its headers may have at most ${inBytes(limits.headerBytesMax)}`,
    );
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new TerrafirmaError(
      'request-timeout',
      `Cannot read the request: its headers must arrive within ${limits.headerTimeoutMs} ms`,
    );
  }
  const rule = (error as { reason?: string }).reason ?? error.message;
  return new TerrafirmaError(
    'bad-request',
    `Cannot read the request: it must be valid HTTP/1.1: ${rule}`,
  );
}
