/** The heads of answers that tell of a failure, and the daemon's own sentence as a body. */
import { type ErrorRecord, errorRow, visitorSentence } from '../../errors.ts';
import { mediaTypeOf, plainText } from '../../http/media-types.ts';
import type { Header, ReplyHead } from '../../http/message.ts';
import { type FailedRequest, failureBody } from './error-page.ts';
import { noCache } from './rules/caching.ts';

export interface FailureReply {
  readonly head: ReplyHead;
  readonly body: Uint8Array;
}

/**
 * The answer for `error`: in the form that the client asks for, a line of plain text where it asks
 * for none or is not known. What may not be shown stays in the log under the same request id, which
 * the exchange adds.
 */
export function failureHead(error: ErrorRecord, failed?: FailedRequest): FailureReply {
  const form = failed === undefined ? undefined : failureBody(error, failed);
  const { headers, ...head } = headOf(error, form?.mediaType ?? plainText, 'no-store');
  return {
    head: { ...head, headers: [...headers, ['vary', 'Accept'], ...(form?.headers ?? [])] },
    body: form?.bytes ?? new TextEncoder().encode(`${visitorSentence(error)}\n`),
  };
}

/** The head before a page of the folder, whose name says what it is. */
export function failurePageHead(error: ErrorRecord, pageName: string): ReplyHead {
  return headOf(error, mediaTypeOf(pageName), noCache);
}

function headOf(error: ErrorRecord, mediaType: string, cacheControl: string): ReplyHead {
  const row = errorRow(error.code);
  const headers: Header[] = [
    ['content-type', mediaType],
    ['cache-control', cacheControl],
    ['x-content-type-options', 'nosniff'],
  ];
  if (row.retryAfterS !== undefined) headers.push(['retry-after', String(row.retryAfterS)]);
  if (row.allow !== undefined) headers.push(['allow', row.allow]);
  if (row.headers !== undefined) headers.push(...row.headers);
  return { status: row.status, headers };
}
