/** What a request becomes when its answer is that of another path of the site. Pure. */
import type { RequestHead } from '../../http/message.ts';
import { queryOf } from '../../http/target.ts';

/** They tell of a body, and a request that was redirected inside has none. */
const bodyHeaders = new Set(['content-length', 'content-type', 'content-encoding', 'expect']);

/** A GET of `target` without a body (RFC 3875, section 6.2.2); a HEAD stays one. */
export function redirectedHead<Head extends RequestHead>(request: Head, target: string): Head {
  return {
    ...request,
    method: request.method === 'HEAD' ? 'HEAD' : 'GET',
    target,
    query: queryOf(target),
    headers: request.headers.filter(([name]) => !bodyHeaders.has(name)),
  };
}
