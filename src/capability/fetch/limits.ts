/** Limits of the requests that guests send. */
import type { LimitTable } from '../../config/limit-table.ts';

const kib = 1024;
const mib = 1024 * kib;
const gib = 1024 * mib;

export const fetchLimits = {
  outboundRequestsPerRunMax: {
    fallback: 32,
    summary: 'HTTP requests a guest may send in one run',
    min: 0,
  },
  runsPerVisitMax: {
    fallback: 100,
    summary: 'Runs that one visitor’s request may cause by requests that modules send, per thread',
  },
  outboundRequestBytesMax: {
    fallback: 10 * mib,
    summary: 'Body of a request that a guest sends whole',
    min: 0,
    max: gib,
  },
  outboundReplyBytesMax: {
    fallback: 32 * mib,
    summary: 'Body of a reply that a guest receives whole',
    min: 0,
    max: gib,
  },
  outboundTimeoutMs: {
    fallback: 20_000,
    summary: 'One request of a guest, redirects included; each pause of a reply that is streamed',
  },
  outboundRedirectsMax: {
    fallback: 10,
    summary: 'Redirects that are followed',
    min: 0,
    max: 100,
  },
  outboundSocketsPerOriginMax: {
    fallback: 32,
    summary: 'Connections to one origin, per thread',
    max: 10_000,
  },
} as const satisfies LimitTable;
