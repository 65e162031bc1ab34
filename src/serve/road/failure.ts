/** The daemon's own answers: one sentence of plain text. The exchange adds the request id. */

import { type ErrorRecord, errorRow, visitorSentence } from '../../errors.ts';
import type { Header, ReplyHead } from '../../http/message.ts';

export interface FailureReply {
  readonly head: ReplyHead;
  readonly body: Uint8Array;
}

/** The answer for `error`; what may not be shown stays in the log under the same request id. */
export function failureHead(error: ErrorRecord): FailureReply {
  const row = errorRow(error.code);
  const headers: Header[] = [
    ['content-type', 'text/plain; charset=utf-8'],
    ['cache-control', 'no-store'],
    ['x-content-type-options', 'nosniff'],
  ];
  if (row.retryAfterS !== undefined) headers.push(['retry-after', String(row.retryAfterS)]);
  if (row.allow !== undefined) headers.push(['allow', row.allow]);
  if (row.headers !== undefined) headers.push(...row.headers);
  return {
    head: { status: row.status, headers },
    body: new TextEncoder().encode(`${visitorSentence(error)}\n`),
  };
}
