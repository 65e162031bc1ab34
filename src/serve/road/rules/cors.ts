/** `[cors]`: which scripts of other sites may read answers (Fetch standard, section 3.2). Pure. */
import { firstField } from '../../../http/fields.ts';
import type { Header, ReplyHead, RequestHead } from '../../../http/message.ts';
import type { Cors } from '../../../site/settings/cors.ts';

/** Allowed without being asked for: a list of others comes beside them. */
const plainMethods = 'GET, HEAD, POST';
const varyOrigin: Header = ['vary', 'Origin'];

/** Whether a browser asks, before a request, whether it may send it. */
export function isPreflight({ method, headers }: RequestHead): boolean {
  return (
    method === 'OPTIONS' &&
    firstField(headers, 'origin') !== undefined &&
    firstField(headers, 'access-control-request-method') !== undefined
  );
}

/**
 * What an answer to a request from `origin` says. Answers differ by origin unless any is allowed,
 * and caches must know it from each of them, also from one to a request without an origin.
 */
export function corsHeaders(cors: Cors, origin: string | undefined): readonly Header[] {
  if (cors.allowsAnyOrigin) return [['access-control-allow-origin', '*']];
  if (origin === undefined || !cors.origins.has(origin)) return [varyOrigin];
  const headers: Header[] = [['access-control-allow-origin', origin], varyOrigin];
  if (cors.hasCredentials) headers.push(['access-control-allow-credentials', 'true']);
  return headers;
}

/** The answer to a preflight; one that allows nothing is an answer, too. */
export function preflightReply(cors: Cors, { headers }: RequestHead): ReplyHead {
  const origin = firstField(headers, 'origin');
  const allowed = [...corsHeaders(cors, origin)];
  if (cors.allowsAnyOrigin || (origin !== undefined && cors.origins.has(origin))) {
    const { headers: names, maxAgeS, methods } = cors;
    allowed.push([
      'access-control-allow-methods',
      methods === undefined ? plainMethods : `${plainMethods}, ${methods}`,
    ]);
    if (names !== undefined) allowed.push(['access-control-allow-headers', names]);
    if (maxAgeS !== undefined) allowed.push(['access-control-max-age', String(maxAgeS)]);
  }
  return { status: 204, headers: allowed };
}
